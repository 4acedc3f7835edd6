"""How ZetaSQL is made to speak as BigQuery does: which features, which functions, which options, which variables."""

from typing import Any

from bigquery.standins.zetasql.server import Server
from bigquery.standins.zetasql.types import Types

# all that ZetaSQL has finished is on, but what BigQuery does not have
FEATURES_NOT_THERE = (
    "AGGREGATION_THRESHOLD",
    "CHECK_CONSTRAINT",
    "EXPERIMENTAL_MODULES",
    "STRATIFIED_RESERVOIR_TABLESAMPLE",
    "TIMESTAMP_NANOS",
    "V_1_1_ARRAY_EQUALITY",
    "V_1_2_GENERATED_COLUMNS",
    "V_1_2_PROTO_EXTENSIONS_WITH_NEW",
    "V_1_2_PROTO_EXTENSIONS_WITH_SET",
    "V_1_3_ALLOW_SLASH_PATHS",
    "V_1_3_ARRAY_GREATEST_LEAST",
    "V_1_3_ARRAY_ORDERING",
    "V_1_3_BRACED_PROTO_CONSTRUCTORS",
    "V_1_3_CONCAT_MIXED_TYPES",
    "V_1_3_DML_RETURNING",
    "V_1_3_EXTRACT_FROM_PROTO",
    "V_1_3_FILTER_FIELDS",
    "V_1_3_INLINE_LAMBDA_ARGUMENT",
    "V_1_3_PROTO_MAPS",
    "V_1_3_REPLACE_FIELDS",
    "V_1_3_UNNEST_AND_FLATTEN_ARRAYS",
    "V_1_3_WITH_GROUP_ROWS",
    "V_1_4_ARRAY_AGGREGATION_FUNCTIONS",
    "V_1_4_ARRAY_FIND_FUNCTIONS",
    "V_1_4_CORRESPONDING",
    "V_1_4_FIRST_AND_LAST_N",
    "V_1_4_NULLIFZERO_ZEROIFNULL",
    "V_1_4_PI_FUNCTIONS",
    "V_1_4_SAFE_FUNCTION_CALL_WITH_LAMBDA_ARGS",
    "V_1_4_WITH_EXPRESSION",
)
FUNCTIONS_NOT_THERE = (
    "array_is_distinct",
    "date_from_unix_date",
    "timestamp_from_unix_micros",
    "timestamp_from_unix_millis",
    "timestamp_from_unix_seconds",
)
OPTIONS = {
    "default_rounding_mode": "STRING",
    "default_table_expiration_days": "FLOAT64",
    "description": "STRING",
    "enable_refresh": "BOOL",
    "expiration_timestamp": "TIMESTAMP",
    "friendly_name": "STRING",
    "kms_key_name": "STRING",
    "labels": "ARRAY<STRUCT<STRING, STRING>>",
    "location": "STRING",
    "max_staleness": "INTERVAL",
    "partition_expiration_days": "FLOAT64",
    "refresh_interval_minutes": "FLOAT64",
    "require_partition_filter": "BOOL",
}
PROCEDURES = ("bq.abort_session",)  # no dataset is called bq
SYSTEM_VARIABLES = {
    "dataset_id": "STRING",
    "error.message": "STRING",
    "error.statement_text": "STRING",
    "project_id": "STRING",
    "query_label": "STRING",
    "row_count": "INT64",
    "script.bytes_billed": "INT64",
    "script.bytes_processed": "INT64",
    "script.job_id": "STRING",
    "session_id": "STRING",
    "time_zone": "STRING",
}


def language_options(server: Server) -> Any:
    options = server.call(
        "GetLanguageOptions", server.message("local_service.LanguageOptionsRequest", maximum_features=True)
    )
    features = server.enum("LanguageFeature")
    for name in FEATURES_NOT_THERE:
        options.enabled_language_features.remove(features[f"FEATURE_{name}"])
    options.product_mode = server.enum("ProductMode")["PRODUCT_EXTERNAL"]
    options.ClearField("supported_statement_kinds")  # none named is every kind
    options.reserved_keywords[:] = ["QUALIFY"]
    return options


def builtin_functions(server: Server, language: Any) -> Any:
    builtin = server.message("ZetaSQLBuiltinFunctionOptionsProto", language_options=language)
    for function in server.call("GetBuiltinFunctions", builtin).function:
        if ".".join(function.name_path) in FUNCTIONS_NOT_THERE:
            builtin.exclude_function_ids.extend(signature.context_id for signature in function.signature)
    return builtin


def analyzer_options(server: Server, language: Any, types: Types) -> Any:
    options = server.call("GetAnalyzerOptions", server.message("local_service.AnalyzerOptionsRequest"))
    options.language_options.CopyFrom(language)
    options.error_message_mode = server.enum("ErrorMessageMode")["ERROR_MESSAGE_ONE_LINE"]
    options.default_timezone = "UTC"
    allowed = options.allowed_hints_and_options
    allowed.disallow_unknown_options = True
    for name, kind in OPTIONS.items():
        allowed.option.add(name=name, type=types.of(kind))
    for name, kind in SYSTEM_VARIABLES.items():
        options.system_variables.add(name_path=name.split("."), type=types.of(kind))
    return options
