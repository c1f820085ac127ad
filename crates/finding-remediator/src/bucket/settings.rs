//! Reads and changes the settings of a bucket.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{
    PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
};
use domain::bucket::{BucketAct, BucketRecord, PublicAccessBlock, Settings};

use crate::error::Refusal;

/// What is set now.
pub(super) async fn read(s3: &Client, record: &BucketRecord) -> Result<Settings, Refusal> {
    match record.act {
        BucketAct::BlockPublicAccess => {
            let answer = s3
                .get_public_access_block()
                .bucket(&record.bucket)
                .set_expected_bucket_owner(record.account_id.clone())
                .send()
                .await
                .map_err(Refusal::from);
            match answer {
                Ok(answer) => {
                    Ok(Settings::PublicAccess(answer.public_access_block_configuration().map(public_access_block)))
                }
                Err(refused) if refused.code == "NoSuchPublicAccessBlockConfiguration" => {
                    Ok(Settings::PublicAccess(None))
                }
                Err(refused) => Err(refused),
            }
        }
        BucketAct::EncryptByDefault => {
            let answer = s3
                .get_bucket_encryption()
                .bucket(&record.bucket)
                .set_expected_bucket_owner(record.account_id.clone())
                .send()
                .await
                .map_err(Refusal::from);
            match answer {
                Ok(answer) => {
                    let rules =
                        answer.server_side_encryption_configuration().map(ServerSideEncryptionConfiguration::rules);
                    let default = rules
                        .unwrap_or_default()
                        .iter()
                        .find_map(ServerSideEncryptionRule::apply_server_side_encryption_by_default);
                    Ok(Settings::Encryption(default.map(|default| default.sse_algorithm().as_str().to_owned())))
                }
                Err(refused) if refused.code == "ServerSideEncryptionConfigurationNotFoundError" => {
                    Ok(Settings::Encryption(None))
                }
                Err(refused) => Err(refused),
            }
        }
    }
}

fn public_access_block(found: &PublicAccessBlockConfiguration) -> PublicAccessBlock {
    PublicAccessBlock {
        block_public_acls: found.block_public_acls() == Some(true),
        ignore_public_acls: found.ignore_public_acls() == Some(true),
        block_public_policy: found.block_public_policy() == Some(true),
        restrict_public_buckets: found.restrict_public_buckets() == Some(true),
    }
}

/// Turns the protection on. S3 has no condition for these calls, so what is set is read back afterwards.
pub(super) async fn turn_on(s3: &Client, record: &BucketRecord) -> Result<(), Refusal> {
    match record.act {
        BucketAct::BlockPublicAccess => {
            let all = PublicAccessBlockConfiguration::builder()
                .block_public_acls(true)
                .ignore_public_acls(true)
                .block_public_policy(true)
                .restrict_public_buckets(true)
                .build();
            s3.put_public_access_block()
                .bucket(&record.bucket)
                .set_expected_bucket_owner(record.account_id.clone())
                .public_access_block_configuration(all)
                .send()
                .await?;
        }
        BucketAct::EncryptByDefault => {
            let default = ServerSideEncryptionByDefault::builder()
                .sse_algorithm(ServerSideEncryption::Aes256)
                .build()
                .map_err(Refusal::other)?;
            let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(default).build();
            let configuration =
                ServerSideEncryptionConfiguration::builder().rules(rule).build().map_err(Refusal::other)?;
            s3.put_bucket_encryption()
                .bucket(&record.bucket)
                .set_expected_bucket_owner(record.account_id.clone())
                .server_side_encryption_configuration(configuration)
                .send()
                .await?;
        }
    }
    Ok(())
}
