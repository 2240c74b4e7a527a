"""どの試験も使う道具を読み込む。中身は harness/ にある。"""

pytest_plugins = [
    "harness.postgres",
    "harness.installation",
    "harness.fleet",
    "harness.s3",
    "harness.gcs",
    "harness.azure",
    "harness.oidc",
]
