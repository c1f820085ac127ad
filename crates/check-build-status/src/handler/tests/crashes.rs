//! CheckBuildStatus is killed between any two of its steps, and the state machine tries again.

use serde_json::json;

use super::{super::Outcome, FAILED, GATE_PASSED, NOW, Script, TASK, build, check, report, request, running, telling};

#[tokio::test]
async fn a_kill_after_any_step_changes_no_verdict_and_tells_the_channel() {
    for (build, answers, expected_deaths) in [
        // The report, the project's state, the token, the notification, its mark.
        (build("FAILED", Some("BUILD"), "t1"), FAILED.to_vec(), 5),
        // The report, the notification, its mark, the failed task.
        (build("FAILED", Some("DOWNLOAD_SOURCE"), ""), vec![], 4),
        // The report, the project's state, the completed task.
        (build("SUCCEEDED", None, "t1"), vec![("ce/task", 200, TASK), ("project_status", 200, GATE_PASSED)], 3),
    ] {
        let mut deaths = 0;
        for steps in 0.. {
            let aws = running();
            let sonar = Script::new(&answers).start().await;
            aws.dies_after(Some(steps));
            let result = check(&aws, &sonar, &request(&build, 0)).await;
            let died = aws.died();
            assert_eq!(died, result.is_err(), "after {steps} steps");
            aws.dies_after(None);
            let recorded = aws.object("evidence/scans/scan-1/report.json");

            // The state machine tries again, with a new token; meanwhile the server has changed its mind.
            let later = if recorded.is_some() { Script::new(&[("ce/task", 500, "")]) } else { Script::new(&answers) };
            let outcome = check(&aws, &later.start().await, &request(&build, 1)).await.unwrap();
            assert!(recorded.is_none_or(|recorded| recorded == report(&aws)), "after {steps} steps");
            let told = aws.published().len();
            match outcome {
                Outcome::AwaitingDecision => {
                    assert!((1..=2).contains(&told));
                    let waiting = aws.object("evidence/scans/scan-1/task.json").unwrap();
                    assert_eq!(waiting["taskToken"], "token-1");
                    assert_eq!(aws.completions(), []);
                }
                Outcome::PipelineFailed => {
                    assert!((1..=2).contains(&told));
                    assert_eq!(aws.completions().last().unwrap().1["error"], "PipelineFailed");
                }
                Outcome::Passed => {
                    assert_eq!(told, 0);
                    assert!(aws.completions().last().unwrap().1["output"].as_str().unwrap().contains("PASSED"));
                }
                other => panic!("{other:?}"),
            }
            if !died {
                break;
            }
            deaths += 1;
        }
        assert_eq!(deaths, expected_deaths);
    }
}

/// What is told of a passed gate is for people's convenience, and yet a kill loses none of it.
#[tokio::test]
async fn a_kill_after_any_step_loses_no_notice_of_a_passed_gate() {
    let answers = [("ce/task", 200, TASK), ("project_status", 200, GATE_PASSED)];
    for (failed_before, notify_passed, kind) in [(true, "false", "recovered"), (false, "true", "passed")] {
        let mut deaths = 0;
        for steps in 0.. {
            let aws = running();
            if failed_before {
                let state = json!({"passed": false, "scanId": "scan-0"});
                aws.put_object("evidence/projects/api-1f2e3d4c.json", &state);
            }
            let sonar = Script::new(&answers).start().await;
            let function = telling(&aws, &sonar, notify_passed);
            let passed = build("SUCCEEDED", None, "t1");
            aws.dies_after(Some(steps));
            let result = function.handle(&request(&passed, 0), NOW.parse().unwrap()).await;
            let died = aws.died();
            assert_eq!(died, result.is_err(), "{kind} after {steps} steps");
            aws.dies_after(None);
            let outcome = function.handle(&request(&passed, 1), NOW.parse().unwrap()).await.unwrap();
            assert_eq!(outcome, Outcome::Passed);
            let published = aws.published();
            assert!((1..=2).contains(&published.len()), "{kind} after {steps} steps: {}", published.len());
            assert!(published.iter().all(|told| told["metadata"]["additionalContext"]["kind"] == kind));
            assert_eq!(aws.object("evidence/projects/api-1f2e3d4c.json").unwrap()["passed"], true, "{kind} {steps}");
            assert!(aws.completions().last().unwrap().1["output"].as_str().unwrap().contains("PASSED"));
            if !died {
                break;
            }
            deaths += 1;
        }
        // The report, the project's state, the notification, its mark, the completed task.
        assert_eq!(deaths, 5, "{kind}");
    }
}

/// There is nothing to record yet.
#[tokio::test]
async fn a_kill_while_the_analysis_is_pending_leaves_nothing_and_the_next_try_judges() {
    let pending = TASK.replace("SUCCESS", "PENDING");
    let failed = build("FAILED", Some("BUILD"), "t1");
    for steps in 0..2 {
        let aws = running();
        aws.dies_after(Some(steps));
        let sonar = Script::new(&[("ce/task", 200, pending.as_str())]).start().await;
        let result = check(&aws, &sonar, &request(&failed, 0)).await;
        assert_eq!((aws.died(), result.is_err()), (steps == 0, steps == 0), "the one step is the failed task");
        aws.dies_after(None);
        assert_eq!((aws.places().len(), aws.published().len()), (0, 0));
        let sonar = Script::new(&FAILED).start().await;
        assert_eq!(check(&aws, &sonar, &request(&failed, 1)).await.unwrap(), Outcome::AwaitingDecision);
        assert_eq!((&report(&aws)["verdict"], aws.published().len()), (&json!("QUALITY_GATE_FAILED"), 1));
    }
}
