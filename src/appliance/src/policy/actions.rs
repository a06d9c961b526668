//! The acts that policies decide about, one type each, so that a permit for one is no permit for another.
//!
//! The names are those of the authorization schema; a test holds the two lists together.

/// An act that needs a permit.
pub trait Action: Send + Sync + 'static {
    /// Its name in policies and entries.
    const NAME: &'static str;
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub enum $name {}
            impl Action for $name { const NAME: &'static str = $text; }
        )+
        /// The names of all acts.
        pub const ACTION_NAMES: &[&str] = &[$($text,)+];
    };
}

actions! {
    /// Seal a document with a seal.
    SealDocument = "document.seal";
    /// Raise the signatures of a document to a higher level.
    AugmentDocument = "document.augment";
    /// Sign the digest of a document that stays with the caller.
    SignDigest = "document.sign-digest";
    /// Sign a file of any kind, the signature beside it.
    SignFile = "document.sign-file";
    /// Have activation data given out for signatures by a seal (CSC API), or use it.
    AuthorizeSignature = "signature.authorize";
    /// Sign hashes as they are: nobody here sees what was hashed.
    SignHash = "document.sign-hash";
    /// Verify a document.
    VerifyDocument = "document.verify";
    /// Verify a licence.
    VerifyLicence = "licence.verify";
    /// Read the receipt of an act.
    ReadReceipt = "receipt.read";
    /// List an organisation's seals.
    ListSeals = "seal.list";
    /// Read a seal's record.
    ReadSeal = "seal.read";
    /// Set a rule of use on a seal.
    AddSealRule = "seal.rule.add";
    /// Change a rule of use.
    ChangeSealRule = "seal.rule.change";
    /// Retire a rule of use.
    RetireSealRule = "seal.rule.retire";
    /// Let a seal without rules in force be used by the policies alone again.
    LiftSealRules = "seal.rule.lift";
    /// Let another officer decide on uses in one's place, or take that back.
    DelegateUse = "seal.delegate";
    /// Ask for approval of a use.
    RequestUse = "use.request";
    /// Approve a use on one document.
    ApproveUse = "use.approve";
    /// Refuse a use.
    RefuseUse = "use.refuse";
    /// Take a request for approval back.
    WithdrawUse = "use.withdraw";
    /// Search and count the records of use, read requests for approval.
    ReadUses = "use.read";
    /// Ask how things stand with a seal.
    AskSealStatus = "seal.status";
    /// Apply for a seal to be made, changed, renewed, made anew or cancelled.
    ApplyForSeal = "seal.apply";
    /// Approve an application for a seal.
    ApproveSeal = "seal.approve";
    /// Refuse an application for a seal.
    RefuseSeal = "seal.refuse";
    /// Take an application for a seal back.
    WithdrawSeal = "seal.withdraw";
    /// Carry an application out: make a seal or a version of it.
    MakeSeal = "seal.make";
    /// Carry an application out: end a seal.
    CancelSeal = "seal.cancel";
    /// Suspend a seal.
    SuspendSeal = "seal.suspend";
    /// Resume a seal.
    ResumeSeal = "seal.resume";
    /// Stop a seal at once.
    StopSeal = "seal.stop";
    /// Have the filing record of a seal made.
    FileSeal = "seal.file";
    /// Apply for many seals with one table.
    ImportSeals = "seal.import";
    /// See what a seal would look like.
    PreviewSeal = "seal.preview";
    /// Read an organisation's record.
    ReadOrganisation = "organisation.read";
    /// Register an organisation.
    AddOrganisation = "organisation.add";
    /// Change an organisation's record.
    ChangeOrganisation = "organisation.change";
    /// Retire an organisation.
    RetireOrganisation = "organisation.retire";
    /// Read a caller's registration.
    ReadCaller = "caller.read";
    /// Register a machine.
    AddCaller = "caller.add";
    /// Change a caller's registration without giving it a role.
    ChangeCaller = "caller.change";
    /// Propose a new officer or operator, or a further role.
    ProposeCaller = "caller.propose";
    /// Approve what another person proposed.
    ApproveCaller = "caller.approve";
    /// Retire a caller.
    RetireCaller = "caller.retire";
    /// Read certificates.
    ReadCertificate = "certificate.read";
    /// Have a certificate issued to a caller.
    IssueCertificate = "certificate.issue";
    /// Have a certificate renewed for another key.
    RenewCertificate = "certificate.renew";
    /// Approve a request for a certificate.
    ApproveCertificate = "certificate.approve";
    /// Refuse a request for a certificate.
    RefuseCertificate = "certificate.refuse";
    /// Take a request for a certificate back.
    CancelCertificate = "certificate.cancel";
    /// Abandon what was never signed, finish what was approved, fill in names of older certificates.
    KeepCertificates = "certificate.keep";
    /// Enrol for a certificate of one's own (EST).
    EnrolCertificate = "certificate.enrol";
    /// Have a one-time secret made with which a machine enrols.
    PermitEnrolment = "enrolment.permit";
    /// See a caller's one-time secrets (not what they are).
    ReadEnrolment = "enrolment.read";
    /// Withdraw a one-time secret.
    WithdrawEnrolment = "enrolment.withdraw";
    /// Revoke a certificate.
    RevokeCertificate = "certificate.revoke";
    /// Put a certificate on hold.
    HoldCertificate = "certificate.hold";
    /// Release a certificate from hold.
    ReleaseCertificate = "certificate.release";
    /// Enter that a certificate runs out.
    WarnOfExpiry = "certificate.expiring";
    /// Sign a new revocation list.
    SignCrl = "crl.sign";
    /// Look at authorities and delegated signers.
    ReadAuthority = "authority.read";
    /// Propose that an authority be replaced.
    ProposeAuthority = "authority.propose";
    /// Carry out the replacement that another person proposed.
    ApproveAuthority = "authority.approve";
    /// Import the certificate that a root elsewhere made.
    ImportAuthority = "authority.import";
    /// Retire an authority or signer that has served its time.
    RetireAuthority = "authority.retire";
    /// Replace the key of a delegated signer.
    RotateKey = "key.rotate";
    /// Read entries of the log.
    ReadAudit = "audit.read";
    /// Erase the personal detail of an entry.
    EraseDetail = "audit.erase";
    /// Verify the whole log against the rows.
    VerifyAudit = "audit.verify";
    /// Load policies anew.
    ReloadPolicy = "policy.reload";
    /// Have a digest time-stamped.
    IssueTimestamp = "timestamp.issue";
    /// Operate the appliance: reload certificates, seal it again, shut it down.
    OperateAppliance = "appliance.operate";
    /// Give out a key for external account binding (ACME).
    BindAcme = "acme.bind";
    /// Read the bindings given out.
    ReadAcmeBinding = "acme.binding.read";
    /// Withdraw a binding; the accounts under it stop.
    WithdrawAcmeBinding = "acme.binding.withdraw";
    /// Serve ACME accounts: accounts, orders, validations.
    ServeAcme = "acme.serve";
    /// Have the certificate of an ACME order issued.
    IssueAcme = "acme.issue";
    /// Have a code given out by which a holder shows a licence.
    ShowLicence = "licence.show";
    /// Let an agent show a licence in its holder's place, see who may, take that back.
    DelegateLicence = "licence.delegate";
    /// See what a show-code shows.
    RedeemShowCode = "licence.redeem";
    /// Take licences of a type by their holder, for an item and a case.
    QueryLicences = "licence.query";
    /// Have a copy made that says what it is for and until when.
    AnnotateLicence = "licence.annotate";
    /// See which copies of a licence were made, and fetch their files again.
    ReadLicenceCopies = "licence.copies";
    /// See who looked at a licence.
    ReadLicenceUses = "licence.uses";
    /// See who looked at a holder's licences.
    ReadOwnUses = "licence.uses.own";
    /// Count the uses of licences.
    CountLicenceUses = "licence.figures";
    /// See which regions are recognised, and the lists that say so.
    ReadTrustList = "trust-list.read";
    /// Bring a trust list in, for another officer to review.
    ImportTrustList = "trust-list.import";
    /// Put a trust list in force that another person brought in.
    ApproveTrustList = "trust-list.approve";
    /// Refuse a trust list that waits for review.
    RefuseTrustList = "trust-list.refuse";
    /// Take a trust list out of force.
    WithdrawTrustList = "trust-list.withdraw";
    /// Have a trust list signed for others.
    SignTrustList = "trust-list.sign";
    /// Change a licence: a new version with other fields.
    ChangeLicence = "licence.change";
    /// Renew a licence.
    RenewLicence = "licence.renew";
    /// Mend a mistake in a licence.
    CorrectLicence = "licence.correct";
    /// Enter the annual check of a licence.
    CheckLicence = "licence.check";
    /// Enter that a licence is reported lost.
    ReportLicenceLost = "licence.report-loss";
    /// Issue a lost or damaged licence anew.
    ReissueLicence = "licence.reissue";
    /// Suspend a licence.
    SuspendLicence = "licence.suspend";
    /// Lift a suspension or a report of loss.
    ResumeLicence = "licence.resume";
    /// Cancel a licence.
    CancelLicence = "licence.cancel";
    /// Revoke a licence.
    RevokeLicence = "licence.revoke";
    /// Withdraw a licence.
    WithdrawLicence = "licence.withdraw";
    /// Transfer a licence to another issuing body.
    TransferLicence = "licence.transfer";
    /// Take a licence over from elsewhere with its identifier.
    ImportLicence = "licence.import";
    /// See what befell a licence.
    ReadLicenceEvents = "licence.events";
    /// Take places in status lists for licences to come.
    ReserveLicenceStatus = "licence.status.reserve";
    /// Enter that licences run out.
    WarnOfLicenceExpiry = "licence.expiring";
    /// Draft a licence type, or a new version of one.
    DraftLicenceType = "licence-type.draft";
    /// Draft the first version of a licence type under another body's code.
    ClaimLicenceTypeCode = "licence-type.claim";
    /// Hand a draft in for review.
    SubmitLicenceType = "licence-type.submit";
    /// Publish a licence type that others drafted.
    PublishLicenceType = "licence-type.publish";
    /// Refuse what others drafted.
    RefuseLicenceType = "licence-type.refuse";
    /// Take a draft back.
    WithdrawLicenceType = "licence-type.withdraw";
    /// Retire a licence type.
    RetireLicenceType = "licence-type.retire";
    /// Read drafts of licence types.
    ReadLicenceType = "licence-type.read";
    /// Issue a licence.
    IssueLicence = "licence.issue";
    /// List the licences of an organisation.
    ListLicences = "licence.list";
    /// Read a licence: its personal fields, what was made of it.
    ReadLicence = "licence.read";
    /// Have many licences issued from one file.
    StartLicenceJob = "licence-job.start";
    /// See how far batch work is.
    ReadLicenceJob = "licence-job.read";
    /// Stop batch work, or have it go on.
    SteerLicenceJob = "licence-job.steer";
    /// Rotate the keys of the library.
    RotateLicenceKeys = "licence-key.rotate";
    /// Destroy what is personal of a licence.
    EraseLicence = "licence.erase";
    /// Keep the library: re-wrap keys, renew the index, carry batch work on.
    KeepLicences = "licence.keep";
}
