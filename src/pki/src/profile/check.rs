//! From a file's words to a [`Profile`]: every rule that two keys could break together is here.

use super::{
    Contradiction, IssuedBy, Profile, ProfileError, Revocation, Source, SubjectRules, Way, file,
    read::{
        Checked, KEY_USAGES, ask, authority, issuer, key_usage, keys, names, policies, purposes, subject,
        validity, wrong,
    },
};
use crate::{extensions::KeyUsage, oids};

impl Profile {
    /// Parses and checks one profile; `name` is the file's without `.toml`.
    ///
    /// # Errors
    /// [`ProfileError`], naming the key and how to mend it.
    pub fn parse(name: &str, toml: &str) -> Result<Self, ProfileError> {
        let file: file::File = toml::from_str(toml).map_err(Box::new)?;
        if file.version != 1 {
            return wrong("version", Contradiction::Version(file.version));
        }
        let profile = Self {
            name: name.to_owned(),
            description: file.description.trim().to_owned(),
            ask: ask(&file.ask)?,
            issuer: issuer(file.issuer),
            approvals: file.approvals,
            keys: keys(&file.keys)?,
            validity: validity(&file.validity)?,
            subject: subject(file.copy_subject, &file.subject)?,
            names: names(file.names.as_ref())?,
            key_usage: key_usage(&file.key_usage)?,
            purposes: purposes(&file.extended_key_usage, file.extended_key_usage_critical)?,
            authority: file.authority.as_ref().map(authority).transpose()?,
            policies: policies(&file.policies)?,
            revocation: Revocation {
                crl: file.revocation.crl,
                ocsp: file.revocation.ocsp,
                ca_issuers: file.revocation.ca_issuers,
                no_rev_avail: file.revocation.no_rev_avail,
                ocsp_nocheck: file.revocation.ocsp_nocheck,
            },
        };
        if profile.description.is_empty() {
            return wrong("description", Contradiction::Empty);
        }
        profile.usage_fits()?;
        profile.authority_fits()?;
        profile.names_fit()?;
        profile.revocation_fits()?;
        profile.approvals_fit()?;
        Ok(profile)
    }

    fn usage_fits(&self) -> Checked<()> {
        for algorithm in &self.keys {
            let able = algorithm.usable_for();
            if let Some((name, _)) =
                KEY_USAGES.iter().find(|(_, bit)| self.key_usage.contains(*bit) && !able.contains(*bit))
            {
                let contradiction =
                    Contradiction::UsageOfKey { algorithm: algorithm.to_string(), usage: (*name).to_owned() };
                return wrong("key_usage", contradiction);
            }
        }
        for (bit, name) in
            [(KeyUsage::ENCIPHER_ONLY, "encipherOnly"), (KeyUsage::DECIPHER_ONLY, "decipherOnly")]
        {
            if self.key_usage.contains(bit) && !self.key_usage.contains(KeyUsage::KEY_AGREEMENT) {
                return wrong("key_usage", Contradiction::OnlyWithAgreement(name));
            }
        }
        let purposes = &self.purposes;
        if purposes.critical && purposes.oids.is_empty() {
            return wrong("extended_key_usage_critical", Contradiction::CriticalWithoutPurpose);
        }
        if purposes.oids.contains(&oids::TIME_STAMPING) && (!purposes.critical || purposes.oids.len() > 1) {
            return wrong("extended_key_usage", Contradiction::TimeStamping);
        }
        if purposes.critical && purposes.oids.contains(&oids::ANY_EXTENDED_KEY_USAGE) {
            return wrong("extended_key_usage_critical", Contradiction::AnyPurposeCritical);
        }
        Ok(())
    }

    fn authority_fits(&self) -> Checked<()> {
        let signs = self.key_usage.contains(KeyUsage::KEY_CERT_SIGN);
        match &self.authority {
            Some(_) if !signs => return wrong("authority", Contradiction::AuthorityWithoutCertSign),
            None if signs => return wrong("key_usage", Contradiction::CertSignWithoutAuthority),
            None if self.key_usage.contains(KeyUsage::CRL_SIGN) => {
                return wrong("key_usage", Contradiction::CrlSignWithoutAuthority);
            }
            None if self.issuer == IssuedBy::Itself => {
                return wrong("issuer", Contradiction::SelfSignedEndEntity);
            }
            None if self.subject == SubjectRules::Copied => {
                return wrong("copy_subject", Contradiction::CopiedEndEntity);
            }
            _ => {}
        }
        let any = self.policies.iter().any(|policy| policy.oid == oids::ANY_POLICY);
        if any && self.policies.len() > 1 {
            return wrong("policies", Contradiction::AnyPolicyWithOthers);
        }
        if any && !self.is_ca() {
            return wrong("policies", Contradiction::AnyPolicyOfEndEntity);
        }
        if self.is_ca()
            && let Some(way) = self.ask.iter().find(|way| matches!(way, Way::Holder | Way::Est | Way::Acme))
        {
            return wrong("ask", Contradiction::AuthorityByProtocol(way.name()));
        }
        Ok(())
    }

    fn names_fit(&self) -> Checked<()> {
        let never_empty = match &self.subject {
            SubjectRules::Copied => true,
            SubjectRules::Attributes(rules) => {
                rules.iter().any(|rule| rule.required || matches!(rule.from, Source::Fixed(_)))
            }
        };
        if self.is_ca() && !never_empty {
            return wrong("subject", Contradiction::AuthorityWithoutSubject);
        }
        let names = &self.names;
        match (never_empty, names.critical) {
            (true, true) => {
                let mend = "the subject has required attributes, so set `critical = false`";
                return wrong("names.critical", Contradiction::NamesCritical(mend));
            }
            (false, false) => {
                let mend = "no attribute is required or fixed, so require one, or set `critical = true`";
                return wrong("names.critical", Contradiction::NamesCritical(mend));
            }
            _ => {}
        }
        let least: usize = names.kinds.iter().map(|rule| rule.least).sum();
        let most: usize = names.kinds.iter().map(|rule| rule.most).sum();
        if (names.least > 0 || names.critical) && names.kinds.is_empty() {
            return wrong("names", Contradiction::NoKinds);
        }
        if names.least > most {
            return wrong("names.least", Contradiction::Count { least: names.least, most });
        }
        if names.critical && names.least.max(least) == 0 {
            let mend = "so that one names the subject, write `least = 1`";
            return wrong("names.least", Contradiction::NamesCritical(mend));
        }
        Ok(())
    }

    fn revocation_fits(&self) -> Checked<()> {
        let revocation = self.revocation;
        let itself = self.issuer == IssuedBy::Itself;
        for (key, told) in
            [("crl", revocation.crl), ("ocsp", revocation.ocsp), ("ca_issuers", revocation.ca_issuers)]
        {
            let key = match key {
                "crl" => "revocation.crl",
                "ocsp" => "revocation.ocsp",
                _ => "revocation.ca_issuers",
            };
            if !told {
                continue;
            }
            if itself {
                return wrong(key, Contradiction::SelfSignedWith(key));
            }
            if key == "revocation.ca_issuers" {
                continue;
            }
            if revocation.no_rev_avail {
                return wrong("revocation.no_rev_avail", Contradiction::NoRevAvailWith(key));
            }
            if revocation.ocsp_nocheck {
                return wrong("revocation.ocsp_nocheck", Contradiction::NoCheckWith(key));
            }
        }
        if revocation.no_rev_avail && self.is_ca() {
            return wrong("revocation.no_rev_avail", Contradiction::NoRevAvailAuthority);
        }
        if revocation.no_rev_avail && revocation.ocsp_nocheck {
            return wrong(
                "revocation.no_rev_avail",
                Contradiction::NoRevAvailWith("revocation.ocsp_nocheck"),
            );
        }
        if revocation.ocsp_nocheck && !self.purposes.oids.contains(&oids::OCSP_SIGNING) {
            return wrong("revocation.ocsp_nocheck", Contradiction::NoCheckWithoutOcspSigning);
        }
        let told = revocation.crl || revocation.ocsp || revocation.no_rev_avail || revocation.ocsp_nocheck;
        if !told && !itself {
            return wrong("revocation", Contradiction::NoRevocation);
        }
        Ok(())
    }

    fn approvals_fit(&self) -> Checked<()> {
        if self.approvals > 16 {
            return wrong("approvals", Contradiction::Approvals(self.approvals));
        }
        let asks = self.ask.iter().any(|way| !matches!(way, Way::Appliance | Way::Ceremony));
        if self.approvals > 0 && !asks {
            return wrong("approvals", Contradiction::ApprovalsOfNobody);
        }
        Ok(())
    }
}
