/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the schema: certificates, trust, server proxies and the switches of SSL inspection. */
#include "lib/conf/schema_priv.h"

static const struct conf_field certificate_fields[] = {
        FIELD("name", NAME, config_certificate, name, NEW_SESSIONS, "R69",
              "Name of the certificate.", .flags = CONF_REQUIRED, .max = NAME_MAX_LONG),
        FIELD("certificate", PATH, config_certificate, certificate, NEW_SESSIONS, "R69",
              "File of the certificate; intermediates may follow it. For PKCS12 the one file.",
              .flags = CONF_REQUIRED | CONF_FILE, .max = PATH_LEN_MAX),
        FIELD("private_key", PATH, config_certificate, private_key, NEW_SESSIONS, "R71",
              "File of the private key, mode 0600. Left out when the key is in the file of the "
              "certificate.",
              .max = PATH_LEN_MAX, .fallback = ""),
        FIELD("key_id", TEXT, config_certificate, key_id, NEW_SESSIONS, "R57",
              "SHA-256 of the public key whose private key the management system sends, 64 "
              "hexadecimal digits in lower case. It takes the place of private_key.",
              .max = 2 * CONFIG_KEY_ID, .fallback = ""),
        FIELD("format", CHOICE, config_certificate, format, NEW_SESSIONS, "R69",
              "Format of both files.", .choices = &conf_choices_format, .fallback = "auto"),
        FIELD("password_file", PATH, config_certificate, password_file, NEW_SESSIONS, "R71, R72",
              "File whose first line is the password of an encrypted key or of the PKCS12 file, "
              "mode 0600.",
              .max = PATH_LEN_MAX, .fallback = ""),
        FIELD("chain", PATH, config_certificate, chain, NEW_SESSIONS, "R62, R120",
              "PEM file of intermediate certificates that are sent along.", .flags = CONF_FILE,
              .max = PATH_LEN_MAX, .fallback = ""),
};

const struct conf_object conf_object_certificate = {
        .name = "certificate",
        OBJECT_OF(certificate_fields),
        .size = sizeof(struct config_certificate),
        .index_offset = offsetof(struct config_certificate, index)};

static const struct conf_field ca_certificate_fields[] = {
        FIELD("name", NAME_STRICT, config_ca_certificate, name, NEW_SESSIONS, "R76",
              "Name of the CA certificate; not the word ca.", .flags = CONF_REQUIRED,
              .max = NAME_MAX_SHORT),
        FIELD("certificate", PATH, config_ca_certificate, certificate, NEW_SESSIONS, "R75, R77",
              "File of one or more CA certificates, PEM or DER.",
              .flags = CONF_REQUIRED | CONF_FILE, .max = PATH_LEN_MAX),
};

const struct conf_object conf_object_ca_certificate = {
        .name = "CA certificate",
        OBJECT_OF(ca_certificate_fields),
        .size = sizeof(struct config_ca_certificate),
        .index_offset = offsetof(struct config_ca_certificate, index)};

static const struct conf_field trust_store_fields[] = {
        FIELD("name", NAME_STRICT, config_trust_store, name, NEW_SESSIONS, "R85",
              "Name of the trust store.", .flags = CONF_REQUIRED, .max = NAME_MAX_SHORT),
        FIELD("description", TEXT, config_trust_store, description, LIVE, "R85", "What it is for.",
              .max = DESCRIPTION_MAX, .fallback = ""),
        FIELD("ca_certificates", REFS, config_trust_store, ca_certificates, NEW_SESSIONS, "R86",
              "CA certificates that it trusts.", .ref = CONF_CA_CERTIFICATES, .max = LIST_MAX),
        FIELD("include_default_ca_certificates", BOOL, config_trust_store,
              include_default_ca_certificates, NEW_SESSIONS, "R87",
              "Trust all default CA certificates too.", .fallback = "true"),
        FIELD("crls", PATHS, config_trust_store, crls, NEW_SESSIONS, "R100",
              "Files of certificate revocation lists, PEM or DER; those of all trust stores come "
              "to 4 MiB of DER at most. None is ever fetched.",
              .flags = CONF_FILE, .max = 64),
};

const struct conf_object conf_object_trust_store = {
        .name = "trust store",
        OBJECT_OF(trust_store_fields),
        .size = sizeof(struct config_trust_store),
        .index_offset = offsetof(struct config_trust_store, index)};

#define BY_PRESET .fallback_help = "by the preset"

static const struct conf_field tls_side_fields[] = {
        FIELD("protocols", CHOICES, config_tls_side, protocols, NEW_SESSIONS, "R42, R43",
              "Protocol versions, without a gap.", .choices = &conf_choices_tls_protocol,
              BY_PRESET),
        FIELD("key_exchange", CHOICES, config_tls_side, key_exchange, NEW_SESSIONS, "R44",
              "Key exchange of TLS 1.2 and older.", .choices = &conf_choices_key_exchange,
              BY_PRESET),
        FIELD("authentication", CHOICES, config_tls_side, authentication, NEW_SESSIONS, "R45, R46",
              "Kinds of certificates.", .choices = &conf_choices_authentication, BY_PRESET),
        FIELD("bulk", CHOICES, config_tls_side, bulk, NEW_SESSIONS, "R48", "Bulk ciphers.",
              .choices = &conf_choices_bulk, BY_PRESET),
        FIELD("mac", CHOICES, config_tls_side, mac, NEW_SESSIONS, "R49", "Message authentication.",
              .choices = &conf_choices_mac, BY_PRESET),
        FIELD("deselected_suites", SUITES, config_tls_side, deselected_suites, NEW_SESSIONS, "R51",
              "Cipher suites of the selections that are not to be used, by IANA name.",
              .flags = CONF_EMPTY, .max = 256),
};

const struct conf_object conf_object_tls_side = {
        .name = "side", OBJECT_OF(tls_side_fields), .size = sizeof(struct config_tls_side)};

static const struct conf_field failure_fields[] = {
#define X(id, key, server, client, by_client, text)                                                \
	FAILURE_ROW(id, key, server, text, FAILURE_FOLLOWS(id))
#include "lib/conf/failure.def"
};

static const struct conf_object failure_object = {.name = "failure class",
                                                  OBJECT_OF(failure_fields)};

static const struct conf_field server_proxy_fields[] = {
        FIELD("name", NAME_STRICT, config_server_proxy, common.name, NEW_SESSIONS, "R118",
              "Name of the proxy.", .flags = CONF_REQUIRED, .max = NAME_MAX_LONG),
        FIELD("destinations", PREFIXES, config_server_proxy, destinations, NEW_SESSIONS, "R118",
              "Addresses and CIDR blocks of the servers.", .flags = CONF_REQUIRED, .min = 1,
              .max = LIST_MAX),
        FIELD("detection_ports", PORTS, config_server_proxy, common.detection_ports, NEW_SESSIONS,
              "R118", "Ports and ranges on which the servers speak TLS.", .flags = CONF_REQUIRED,
              .min = 1, .max = 256),
        FIELD("decrypted_service", CHOICE, config_server_proxy, common.decrypted_service,
              NEW_SESSIONS, "R94, R95, R119", "What is spoken inside TLS.",
              .choices = &conf_choices_service, .fallback = "http"),
        FIELD("certificates", REFS, config_server_proxy, certificates, NEW_SESSIONS, "R120",
              "Certificates of the servers, chosen by SNI.", .flags = CONF_REQUIRED, .min = 1,
              .max = CONFIG_CERTIFICATES_MAX, .ref = CONF_CERTIFICATES),
        FIELD("default_certificate", REF, config_server_proxy, default_certificate, NEW_SESSIONS,
              "R120, R155", "Certificate for a ClientHello without SNI or with an unknown one.",
              .ref = CONF_CERTIFICATES, .fallback_help = "the first of certificates"),
        FIELD("preset", CHOICE, config_server_proxy, common.preset, NEW_SESSIONS, "R42",
              "Where the selections of both sides start from.", .choices = &conf_choices_preset,
              .fallback = "modern"),
        FIELD("client_side", OBJECT, config_server_proxy, common.client_side, NEW_SESSIONS, "R126",
              "Protocols and suites with clients.", .object = &conf_object_tls_side),
        FIELD("server_side", OBJECT, config_server_proxy, common.server_side, NEW_SESSIONS, "R126",
              "Protocols and suites with the servers.", .object = &conf_object_tls_side),
        FIELD("logging", BOOL, config_server_proxy, common.logging, NEW_SESSIONS, "R98, R123",
              "Full records of every session. What was not inspected is always recorded.",
              .fallback = "false"),
        FIELD("tcp_reset", BOOL, config_server_proxy, common.tcp_reset, NEW_SESSIONS, "R99, R124",
              "TCP reset to the server for blocked sessions.", .fallback = "false"),
        FIELD("block_page", BOOL, config_server_proxy, common.block_page, NEW_SESSIONS, "R99",
              "Answer an HTTP/1 request that a filter blocks with a page that says why, whom to "
              "ask, and the flow id.",
              .fallback = "false"),
        FIELD("downgrade_http2", BOOL, config_server_proxy, common.downgrade_http2, NEW_SESSIONS,
              "R102, R125", "Leave HTTP/2 out of the negotiation.", .fallback = "true"),
        FIELD("rekey_interval", DURATION, config_server_proxy, rekey_interval_ms, NEW_SESSIONS,
              "R121", "Fastest renegotiation accepted from the server; 0: none is.", .min = 0,
              .max = DAY_MS, .fallback = "0"),
        FIELD("compression", BOOL, config_server_proxy, compression, NEW_SESSIONS, "R122",
              "Allow TLS compression, where the TLS library has it.", .fallback = "false"),
        FIELD("encrypt_then_mac", BOOL, config_server_proxy, common.encrypt_then_mac, NEW_SESSIONS,
              "R28", "Negotiate encrypt-then-MAC for CBC suites.", .fallback = "false"),
        FIELD("server_trust", REF, config_server_proxy, server_trust, NEW_SESSIONS, "R167",
              "Trust store that the server's certificate may chain to, besides having the key of "
              "one of the proxy's.",
              .ref = CONF_TRUST_STORES, .fallback_help = "none: by certificate key only"),
        FIELD("on_server_mismatch", CHOICE, config_server_proxy, on_server_mismatch, NEW_SESSIONS,
              "R152, R167",
              "The server's key is not one of the proxy's, nor trusted by server_trust.",
              .choices = &conf_choices_mismatch, .fallback = "log"),
        FIELD("on_overload", CHOICE, config_server_proxy, common.on_overload, NEW_SESSIONS, "R145",
              "What becomes of its new flows while a limit is reached.",
              .choices = &conf_choices_action, .allowed = BYPASS_OR_BLOCK, .fallback = "bypass"),
        FIELD("on_keys_unavailable", CHOICE, config_server_proxy, common.on_keys_unavailable,
              NEW_SESSIONS, "R57", "What becomes of its flows while a private key cannot be used.",
              .choices = &conf_choices_action, .allowed = BYPASS_OR_BLOCK, .fallback = "bypass"),
        FIELD("on_failure_class", OBJECT, config_server_proxy, common.on_failure, NEW_SESSIONS,
              "R155", "What becomes of flows that cannot be inspected, by the class of the reason.",
              .object = &failure_object),
        FIELD("no_handshake_timeout", DURATION, config_server_proxy, common.no_handshake_timeout_ms,
              NEW_SESSIONS, "R21", "A connection on which no handshake starts is ended after it.",
              .min = 100, .max = HOUR_MS, .fallback = "30s"),
};

const struct conf_object conf_object_server_proxy = {
        .name = "server proxy",
        OBJECT_OF(server_proxy_fields),
        .size = sizeof(struct config_server_proxy),
        .index_offset = offsetof(struct config_server_proxy, common.index)};

static const struct conf_field ssl_inspection_fields[] = {
        FIELD("server", BOOL, config_ssl_inspection, server, NEW_SESSIONS, "R56, R58",
              "SSL server inspection.", .fallback = "true"),
        FIELD("client", BOOL, config_ssl_inspection, client, NEW_SESSIONS, "R56",
              "SSL client inspection.", .fallback = "false"),
        FIELD("persist_private_keys", BOOL, config_ssl_inspection, persist_private_keys, LIVE,
              "R57", "Keep private keys that the management system sent over a restart.",
              .fallback = "false", .flags = CONF_UNAVAILABLE,
              .unavailable = "keys are read from files by this build, and no keystore is in it"),
        FIELD("hello_timeout", DURATION, config_ssl_inspection, hello_timeout_ms, NEW_SESSIONS,
              "R160", "Time from a connection's first byte to a complete ClientHello.", .min = 100,
              .max = 5 * MINUTE_MS, .fallback = "5s"),
        FIELD("incomplete_hello_wait", DURATION, config_ssl_inspection, incomplete_hello_wait_ms,
              NEW_SESSIONS, "",
              "A ClientHello that is not complete after this is read on a socket of ours.",
              .min = 1, .max = 5 * SECOND_MS, .fallback = "30ms"),
        FIELD("handshake_timeout", DURATION, config_ssl_inspection, handshake_timeout_ms,
              NEW_SESSIONS, "R160", "Time for the handshakes of both legs.", .min = 100,
              .max = 5 * MINUTE_MS, .fallback = "10s"),
        FIELD("idle_timeout", DURATION, config_ssl_inspection, idle_timeout_ms, NEW_SESSIONS, "",
              "A session without a byte in either direction is ended after it.", .min = SECOND_MS,
              .max = 7 * DAY_MS, .fallback = "1h"),
        FIELD("close_timeout", DURATION, config_ssl_inspection, close_timeout_ms, NEW_SESSIONS, "",
              "A session that one end has closed is ended after it.", .min = 100, .max = DAY_MS,
              .fallback = "1m"),
        FIELD("key_timeout", DURATION, config_ssl_inspection, key_timeout_ms, NEW_SESSIONS, "R57",
              "Time for an operation with a private key.", .min = 10, .max = MINUTE_MS,
              .fallback = "5s"),
        FIELD("resumption", BOOL, config_ssl_inspection, resumption, NEW_SESSIONS, "",
              "Resume TLS sessions on both legs.", .fallback = "true"),
        FIELD("resumption_lifetime", DURATION, config_ssl_inspection, resumption_lifetime_ms,
              NEW_SESSIONS, "", "How long a TLS session may be resumed.", .min = SECOND_MS,
              .max = 7 * DAY_MS, .fallback = "2h"),
        FIELD("server_session_cache", UINT, config_ssl_inspection, server_session_cache, RESTART,
              "",
              "TLS sessions with servers that each worker keeps, some 1 to 3 KiB each; of all "
              "together no more than 4 KiB each.",
              .min = 0, .max = 1000000, .fallback = "4096"),
        FIELD("session_clear_on_fallback", BOOL, config_ssl_inspection, session_clear_on_fallback,
              LIVE, "R24", "Going to layer-2 fallback by command ends live sessions.",
              .fallback = "false"),
        FIELD("http2_prior_knowledge", CHOICE, config_ssl_inspection, http2_prior_knowledge,
              NEW_SESSIONS, "R102", "HTTP/2 that was not negotiated.",
              .choices = &conf_choices_http2, .fallback = "block"),
        FIELD("on_hold_limit", CHOICE, config_ssl_inspection, on_hold_limit, NEW_SESSIONS, "",
              "A message part does not fit in limits.hold_buffer.", .choices = &conf_choices_hold,
              .fallback = "block"),
};

const struct conf_object conf_object_ssl_inspection = {.name = "ssl_inspection",
                                                       OBJECT_OF(ssl_inspection_fields)};
