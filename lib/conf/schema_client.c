/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the schema for client inspection; and for the management system, whose place is prepared:
 * its documents are checked like any other, and refused with the reason; nothing is kept.
 */
#include "lib/conf/schema_priv.h"

static const struct conf_field client_failure_fields[] = {
#define X(id, key, server, client, by_client, text)                                                \
	FAILURE_ROW(id, key, client, text,                                                         \
	            FAILURE_##id == FAILURE_CHAIN     ? "as block_invalid_certificates"            \
	            : FAILURE_##id == FAILURE_EXPIRED ? "as block_expired_certificates"            \
	                                              : FAILURE_FOLLOWS(id))
#include "lib/conf/failure.def"
};

static const struct conf_object client_failure_object = {.name = "failure class",
                                                         OBJECT_OF(client_failure_fields)};

static const struct conf_field client_proxy_fields[] = {
        FIELD("name", NAME_STRICT, config_client_proxy, common.name, NEW_SESSIONS, "R92",
              "Name of the proxy.", .flags = CONF_REQUIRED, .max = NAME_MAX_LONG),
        FIELD("description", TEXT, config_client_proxy, description, LIVE, "R92", "What it is for.",
              .max = DESCRIPTION_MAX, .fallback = ""),
        FIELD("signing_certificate", REF, config_client_proxy, signing_certificate, NEW_SESSIONS,
              "R93", "CA certificate, with its private key, that signs forged leaves.",
              .flags = CONF_REQUIRED, .ref = CONF_CERTIFICATES),
        FIELD("successor", REF, config_client_proxy, successor, NEW_SESSIONS, "R153",
              "CA certificate that takes its place at successor_from.", .ref = CONF_CERTIFICATES,
              .fallback_help = "none"),
        FIELD("successor_from", TIME, config_client_proxy, successor_from, NEW_SESSIONS, "R153",
              "When the successor begins to sign.", .fallback_help = "never"),
        FIELD("on_signing_certificate", CHOICE, config_client_proxy, on_signing_certificate,
              NEW_SESSIONS, "R153",
              "What becomes of new flows while the signing certificate cannot be used: expired, "
              "not yet valid, or a clock that is wrong.",
              .choices = &conf_choices_action, .allowed = BYPASS_OR_BLOCK, .fallback = "bypass"),
        FIELD("decrypted_service", CHOICE, config_client_proxy, common.decrypted_service,
              NEW_SESSIONS, "R94, R95", "What is spoken inside TLS.",
              .choices = &conf_choices_service, .fallback = "http"),
        FIELD("detection_ports", PORTS, config_client_proxy, common.detection_ports, NEW_SESSIONS,
              "R97", "Ports and ranges of servers on which clients speak TLS.",
              .flags = CONF_REQUIRED, .min = 1, .max = 256),
        FIELD("preset", CHOICE, config_client_proxy, common.preset, NEW_SESSIONS, "R42",
              "Where the selections start from.", .choices = &conf_choices_preset,
              .fallback = "modern"),
        FIELD("selections", OBJECT, config_client_proxy, common.client_side, NEW_SESSIONS,
              "R47, R126", "Protocols and suites of both legs: they are tied.",
              .object = &conf_object_tls_side),
        FIELD("minimum_key_length", UINT, config_client_proxy, minimum_key_length, NEW_SESSIONS,
              "R96", "Bits of RSA keys below which a chain is invalid; 0: any.", .min = 0,
              .max = 16384, .fallback = "0"),
        FIELD("block_invalid_certificates", BOOL, config_client_proxy, block_invalid_certificates,
              NEW_SESSIONS, "R100",
              "Block servers whose chain does not verify. Otherwise the untrusted CA signs, and "
              "the client warns.",
              .fallback = "true"),
        FIELD("block_expired_certificates", BOOL, config_client_proxy, block_expired_certificates,
              NEW_SESSIONS, "R101", "The same for certificates that are expired or not yet valid.",
              .fallback = "true"),
        FIELD("downgrade_http2", BOOL, config_client_proxy, common.downgrade_http2, NEW_SESSIONS,
              "R102", "Leave HTTP/2 out of the negotiation.", .fallback = "true"),
        FIELD("encrypt_then_mac", BOOL, config_client_proxy, common.encrypt_then_mac, NEW_SESSIONS,
              "R28", "Negotiate encrypt-then-MAC for CBC suites.", .fallback = "false"),
        FIELD("quic", CHOICE, config_client_proxy, quic, LIVE, "",
              "UDP to the detection ports, whatever it is and whatever domain it is for: QUIC "
              "cannot be decrypted; dropped, browsers fall back to TCP.",
              .choices = &conf_choices_pass, .fallback = "forward"),
        FIELD("logging", BOOL, config_client_proxy, common.logging, NEW_SESSIONS, "R98",
              "Full records of every session. What was not inspected is always recorded.",
              .fallback = "false"),
        FIELD("tcp_reset", BOOL, config_client_proxy, common.tcp_reset, NEW_SESSIONS, "R99",
              "TCP reset to the client for blocked sessions, instead of an alert or a block page.",
              .fallback = "false"),
        FIELD("block_page", BOOL, config_client_proxy, common.block_page, NEW_SESSIONS, "R99",
              "Answer an HTTP/1 request that a filter blocks with a page that says why, whom to "
              "ask, and the flow id.",
              .fallback = "true"),
        FIELD("on_overload", CHOICE, config_client_proxy, common.on_overload, NEW_SESSIONS, "R145",
              "What becomes of its new flows while a limit is reached.",
              .choices = &conf_choices_action, .allowed = BYPASS_OR_BLOCK, .fallback = "bypass"),
        FIELD("on_keys_unavailable", CHOICE, config_client_proxy, common.on_keys_unavailable,
              NEW_SESSIONS, "R57", "What becomes of its flows while a private key cannot be used.",
              .choices = &conf_choices_action, .allowed = BYPASS_OR_BLOCK, .fallback = "bypass"),
        FIELD("on_failure_class", OBJECT, config_client_proxy, common.on_failure, NEW_SESSIONS,
              "R155", "What becomes of flows that cannot be inspected, by the class of the reason.",
              .object = &client_failure_object),
        FIELD("no_handshake_timeout", DURATION, config_client_proxy, common.no_handshake_timeout_ms,
              NEW_SESSIONS, "R154",
              "A connection on which no handshake starts is taken for something else than TLS.",
              .min = 100, .max = HOUR_MS, .fallback = "3s"),
};

const struct conf_object conf_object_client_proxy = {
        .name = "client proxy",
        OBJECT_OF(client_proxy_fields),
        .size = sizeof(struct config_client_proxy),
        .index_offset = offsetof(struct config_client_proxy, common.index)};

static const char *const default_domains[] = {
#define X(pattern, why) pattern,
#include "lib/conf/default_decryption.def"
#undef X
};

const struct config_decryption_policy
        conf_builtin_decryption_policies[CONFIG_BUILTIN_DECRYPTION_POLICIES] = {
                {.name = "Default",
                 .decide_by = CONFIG_DECIDE_SNI,
                 .domains = {default_domains, SL_ARRAY_LEN(default_domains)},
                 .category_overrides_file = "",
                 .domains_file = ""},
};

static const struct conf_field decryption_policy_fields[] = {
        FIELD("name", NAME_STRICT, config_decryption_policy, name, NEW_SESSIONS, "R105",
              "Name of the policy. Default is there already, with recommended domains; one of "
              "this name takes its place.",
              .flags = CONF_REQUIRED, .max = NAME_MAX_LONG),
        FIELD("decide_by", CHOICE, config_decryption_policy, decide_by, NEW_SESSIONS, "R26, R168",
              "Whose word on the name counts.", .choices = &conf_choices_decide_by,
              .fallback = "sni"),
        FIELD("categories", NAMES, config_decryption_policy, categories, NEW_SESSIONS, "R106",
              "URL categories that are not decrypted.", .max = 256),
        FIELD("category_overrides", NAMES, config_decryption_policy, category_overrides,
              NEW_SESSIONS, "R108",
              "Domains that are decrypted although their category is not; *.a.test is every name "
              "below a.test.",
              .max = LIST_MAX),
        FIELD("category_overrides_file", PATH, config_decryption_policy, category_overrides_file,
              NEW_SESSIONS, "R108, R110", "File of further ones, one a line.", .flags = CONF_FILE,
              .max = PATH_LEN_MAX, .fallback = ""),
        FIELD("domains", NAMES, config_decryption_policy, domains, NEW_SESSIONS, "R109",
              "Domains that are not decrypted; *.a.test is every name below a.test.",
              .max = LIST_MAX),
        FIELD("domains_file", PATH, config_decryption_policy, domains_file, NEW_SESSIONS,
              "R109, R110", "File of further ones, one a line.", .flags = CONF_FILE,
              .max = PATH_LEN_MAX, .fallback = ""),
};

const struct conf_object conf_object_decryption_policy = {
        .name = "decryption policy",
        OBJECT_OF(decryption_policy_fields),
        .size = sizeof(struct config_decryption_policy),
        .index_offset = offsetof(struct config_decryption_policy, index)};

static const struct conf_field client_policy_fields[] = {
        FIELD("name", NAME_STRICT, config_client_policy, common.name, NEW_SESSIONS, "R113",
              "Name of the policy, unique among all policies of all profiles.",
              .flags = CONF_REQUIRED, .max = NAME_MAX_LONG),
        FIELD("state", CHOICE, config_client_policy, common.state, NEW_SESSIONS, "R114",
              "Whether it works.", .choices = &conf_choices_state, .fallback = "on"),
        FIELD("locked", BOOL, config_client_policy, common.locked, LIVE, "R112",
              "Only users with the capability for it may change the policy.", .fallback = "false"),
        FIELD("proxy", REF, config_client_policy, proxy, NEW_SESSIONS, "R115", "Client proxy.",
              .flags = CONF_REQUIRED, .ref = CONF_CLIENT_PROXIES),
        FIELD("decryption_policy", REF, config_client_policy, decryption_policy, NEW_SESSIONS,
              "R115", "What is not decrypted.", .ref = CONF_DECRYPTION_POLICIES,
              .fallback_help = "none: everything is decrypted"),
        FIELD("trust_store", REF, config_client_policy, trust_store, NEW_SESSIONS, "R88, R115",
              "Trust store that servers are verified by.", .ref = CONF_TRUST_STORES,
              .fallback_help = "the default CA certificates"),
        FIELD("never_decrypt_sources", PREFIXES, config_client_policy, never_decrypt_sources,
              NEW_SESSIONS, "R116", "Clients that are never decrypted.", .max = LIST_MAX),
        FIELD("always_decrypt_sources", PREFIXES, config_client_policy, always_decrypt_sources,
              NEW_SESSIONS, "R116",
              "Clients that are always decrypted, whatever the decryption policy says.",
              .max = LIST_MAX),
        INHERITED_FROM,
};

const struct conf_object conf_object_client_policy = {.name = "client policy",
                                                      OBJECT_OF(client_policy_fields),
                                                      .size = sizeof(struct config_client_policy)};

static const struct conf_field sms_fields[] = {
        KNOWN("address", TEXT, "", "Host name or address of the management system.", .max = 255),
        KNOWN("port", PORT, "", "Its port for devices.", .min = 1, .max = 65535,
              .fallback = "8444"),
};

const struct conf_object conf_object_sms = {.name = "sms", OBJECT_OF(sms_fields)};
