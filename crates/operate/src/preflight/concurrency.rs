//! Whether Lambda has the concurrency left that the remediator reserves.

use aws_sdk_lambda::types::AccountLimit;

use crate::{
    account::Account,
    check::{Check, chain},
    parameters::{Stack, Values},
    stack::{self, Deployed},
};

const PARAMETER: &str = "RemediatorConcurrency";

/// Lambda refuses a reservation that leaves less to the functions that reserve nothing:
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>. A new account's limit can be 10, and
/// then nothing can be reserved at all.
const LEFT_FOR_OTHERS: i32 = 100;

/// Fails if CloudFormation could not make the reservation; none if nothing is to be reserved.
///
/// # Errors
/// CloudFormation does not describe the stack.
pub(super) async fn check(account: &Account, deployment: &str, values: &Values) -> anyhow::Result<Option<Check>> {
    let what = "concurrency of Lambda";
    let text = Stack::MacieRemediation.value(values, PARAMETER).unwrap_or_default();
    let Ok(wanted) = text.parse::<i32>() else {
        let remedy = format!("set {PARAMETER} under [{}] to a number", Stack::MacieRemediation.word());
        return Ok(Some(Check::fails(what, format!("{PARAMETER} is `{text}`"), remedy)));
    };
    if wanted == 0 {
        return Ok(None);
    }
    let settings = match aws_sdk_lambda::Client::new(&account.aws).get_account_settings().send().await {
        Ok(settings) => settings,
        Err(error) => {
            let remedy = "allow lambda:GetAccountSettings to your identity";
            return Ok(Some(Check::fails(what, chain(&error), remedy)));
        }
    };
    let limit = settings.account_limit();
    let unreserved = limit.and_then(AccountLimit::unreserved_concurrent_executions).unwrap_or_default();
    let deployed = stack::find(account, &Stack::MacieRemediation.of(deployment)).await?.filter(Deployed::runs);
    let reserved = deployed.and_then(|stack| stack.parameters.get(PARAMETER)?.parse::<i32>().ok()).unwrap_or_default();
    let left = unreserved.saturating_add(reserved).saturating_sub(wanted);
    Ok(Some(if left < LEFT_FOR_OTHERS {
        Check::fails(
            what,
            format!(
                "{PARAMETER} would reserve {wanted} and leave {left} to all other functions in {}; Lambda keeps \
                 {LEFT_FOR_OTHERS} for them",
                account.region
            ),
            format!(
                "set {PARAMETER} = \"0\" under [{}], or ask in Service Quotas for more concurrent executions",
                Stack::MacieRemediation.word()
            ),
        )
    } else {
        Check::well(what, format!("{wanted} reserved, {left} left for other functions"))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        parameters::Value,
        scripted::{account, stack, xml},
    };

    /// What is said where `unreserved` is what Lambda has left, and the stack has reserved something already.
    async fn said(unreserved: i32, reserved: Option<&'static str>, wanted: Option<&str>) -> Option<Check> {
        said_beside("CREATE_COMPLETE", unreserved, reserved, wanted).await
    }

    async fn said_beside(
        status: &'static str,
        unreserved: i32,
        reserved: Option<&'static str>,
        wanted: Option<&str>,
    ) -> Option<Check> {
        let (account, _) = account(move |what, _| {
            if what == "GET /2016-08-19/account-settings" {
                let limit =
                    serde_json::json!({"UnreservedConcurrentExecutions": unreserved, "ConcurrentExecutions": 1000});
                return (200, serde_json::json!({"AccountLimit": limit}).to_string());
            }
            let own = reserved.map(|number| stack("demo-macie-remediation", status, &[(PARAMETER, number)]));
            xml(what, &format!("<Stacks>{}</Stacks>", own.unwrap_or_default()))
        });
        let values = wanted.map(|number| (PARAMETER.to_owned(), Value::Is(number.to_owned()))).into_iter().collect();
        check(&account, "demo", &values).await.unwrap()
    }

    #[tokio::test]
    async fn a_reservation_that_lambda_would_refuse_is_found_before_it_is_deployed() {
        for (unreserved, wanted) in [(10, None), (104, None), (900, Some("801"))] {
            let check = said(unreserved, None, wanted).await.unwrap();
            assert!(check.has_failed(), "{check}");
            assert!(check.to_string().contains("set RemediatorConcurrency = \"0\""), "{check}");
        }
        let check = said(900, None, Some("five")).await.unwrap();
        assert!(check.has_failed() && check.to_string().contains("is `five`"), "{check}");
    }

    #[tokio::test]
    async fn a_stack_that_was_rolled_back_has_reserved_nothing() {
        let check = said_beside("ROLLBACK_COMPLETE", 100, Some("5"), None).await.unwrap();
        assert!(check.has_failed(), "{check}");
    }

    #[tokio::test]
    async fn what_fits_or_is_reserved_already_is_well() {
        for (unreserved, reserved, wanted) in [(105, None, None), (100, Some("5"), None), (102, Some("5"), Some("7"))] {
            let check = said(unreserved, reserved, wanted).await.unwrap();
            assert!(!check.has_failed(), "{check}");
        }
        assert_eq!(said(10, None, Some("0")).await, None);
    }
}
