//! Options that say what a use of a seal is for: they go into its record, and rules of use look at them. Shared by
//! `cinnabar seal` and `cinnabar sign-file`.

use clap::Args;

use crate::documents::parameters::SealQuery;

/// What the record says.
#[derive(Debug, Clone, Args)]
pub struct Noted {
    /// Case number for the record
    #[arg(long)]
    case_number: Option<String>,
    /// Code of the service item for the record
    #[arg(long)]
    item: Option<String>,
    /// Kind of the document for the record, as rules of use name it
    #[arg(long)]
    document_kind: Option<String>,
    /// What it is sealed for; kept where it can be erased
    #[arg(long)]
    purpose: Option<String>,
    /// Who works on the case; kept where it can be erased
    #[arg(long)]
    operator: Option<String>,
}

impl Noted {
    /// As the API takes them beside a seal's place.
    pub fn fill(&self, query: &mut SealQuery) {
        query.case_number.clone_from(&self.case_number);
        query.item.clone_from(&self.item);
        query.document_kind.clone_from(&self.document_kind);
        query.purpose.clone_from(&self.purpose);
        query.operator.clone_from(&self.operator);
    }

    /// As the parameters of a query.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, String)> {
        let all = [
            ("case_number", &self.case_number),
            ("item", &self.item),
            ("document_kind", &self.document_kind),
            ("purpose", &self.purpose),
            ("operator", &self.operator),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)))
    }
}
