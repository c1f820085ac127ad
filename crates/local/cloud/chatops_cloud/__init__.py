"""The project's plug-in to ministack: AWS on one machine, deep enough to run this product's own stacks.

ministack answers most AWS calls. The modules of this package add what it lacks, each one service:
CodeBuild that runs the buildspec, `codebuild:startBuild.sync`, AWS::Chatbot resources and the SNS
deliveries of Amazon Q, Macie, version ids in S3 events. They touch private names of ministack, so the
version is pinned in requirements.txt and checked at start.

Start it with `python -m chatops_cloud`; `settings.py` lists the environment variables.
"""

MINISTACK_VERSION = "1.5.33"
