//! The life of a licence: states, operations, and which operation leads from which state to which.
//!
//! States are the ministry's: 有效, 暂扣, 注销, 吊销, 撤销, 转出; 失效 (expired) is computed from the validity, never stored.
//! Reporting a loss suspends the paper's standing without a fault of the holder, and has a state of its own.

use serde::{Deserialize, Serialize};

/// Where a licence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// 有效: in force.
    Active,
    /// 暂扣: suspended by the issuing body, may be resumed.
    Suspended,
    /// 挂失: reported lost, until the holder has it again or it is issued anew.
    Lost,
    /// 注销: ended at the holder's wish or because its ground has gone.
    Cancelled,
    /// 吊销: ended as a punishment.
    Revoked,
    /// 撤销: withdrawn, because it should not have been issued.
    Withdrawn,
    /// 转出: transferred to another issuing body.
    Transferred,
    /// 失效: its time is over. Computed, never stored.
    Expired,
}

/// What is done to a licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// 签发: it is issued.
    Issue,
    /// Taken over from elsewhere with its identifier.
    Import,
    /// 变更: a new version with other fields.
    Change,
    /// 延续: a new version with a later end.
    Renew,
    /// 纠错: a new version that mends a mistake.
    Correct,
    /// 年检: the annual check.
    Check,
    /// 挂失: the holder reports it lost.
    ReportLoss,
    /// 补发: a new version in the place of a lost one.
    Reissue,
    /// 暂扣: suspended.
    Suspend,
    /// Suspension or report of loss lifted.
    Resume,
    /// 注销: cancelled.
    Cancel,
    /// 吊销: revoked.
    Revoke,
    /// 撤销: withdrawn.
    Withdraw,
    /// 转出: transferred out.
    Transfer,
}
