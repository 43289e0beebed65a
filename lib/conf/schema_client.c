/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the schema whose place is prepared: client inspection and the management system. Their
 * documents are checked like any other, and refused with the reason; nothing is kept.
 */
#include "lib/conf/schema_priv.h"

static const struct conf_field client_proxy_fields[] = {
        KNOWN("name", NAME_STRICT, "R92", "Name of the proxy.", .flags = CONF_REQUIRED,
              .max = NAME_MAX_LONG),
        KNOWN("description", TEXT, "R92", "What it is for.", .max = DESCRIPTION_MAX),
        KNOWN("signing_certificate", REF, "R93", "Certificate that signs forged leaves.",
              .flags = CONF_REQUIRED, .ref = CONF_CERTIFICATES),
        KNOWN("decrypted_service", CHOICE, "R94, R95", "What is spoken inside TLS.",
              .choices = &conf_choices_service, .fallback = "http"),
        KNOWN("minimum_key_length", UINT, "R96",
              "Bits of RSA keys below which a chain is invalid; 0: any.", .min = 0, .max = 16384,
              .fallback = "0"),
        KNOWN("detection_ports", PORTS, "R97", "Ports and ranges of servers.",
              .flags = CONF_REQUIRED, .min = 1, .max = 256),
        KNOWN("logging", BOOL, "R98", "Full records of every session.", .fallback = "false"),
        KNOWN("tcp_reset", BOOL, "R99", "TCP reset to the client for blocked sessions.",
              .fallback = "false"),
        KNOWN("block_invalid_certificates", BOOL, "R100", "Block chains that do not verify.",
              .fallback = "true"),
        KNOWN("block_expired_certificates", BOOL, "R101", "Block expired certificates.",
              .fallback = "true"),
        KNOWN("downgrade_http2", BOOL, "R102", "Leave HTTP/2 out of the negotiation.",
              .fallback = "true"),
        KNOWN("preset", CHOICE, "R42", "Where the selections start from.",
              .choices = &conf_choices_preset, .fallback = "modern"),
};

const struct conf_object conf_object_client_proxy = {.name = "client proxy",
                                                     OBJECT_OF(client_proxy_fields)};

static const struct conf_field decryption_policy_fields[] = {
        KNOWN("name", NAME_STRICT, "R105", "Name of the policy.", .flags = CONF_REQUIRED,
              .max = NAME_MAX_LONG),
        KNOWN("categories", NAMES, "R106", "URL categories that are not decrypted.", .max = 256),
        KNOWN("category_overrides", NAMES, "R108", "Domains that are decrypted anyway.",
              .max = LIST_MAX),
        KNOWN("domains", NAMES, "R109", "Domains that are not decrypted.", .max = LIST_MAX),
};

const struct conf_object conf_object_decryption_policy = {.name = "decryption policy",
                                                          OBJECT_OF(decryption_policy_fields)};

static const struct conf_field client_policy_fields[] = {
        KNOWN("name", NAME_STRICT, "R113", "Name of the policy.", .flags = CONF_REQUIRED,
              .max = NAME_MAX_LONG),
        KNOWN("state", CHOICE, "R114", "Whether it works.", .choices = &conf_choices_state,
              .fallback = "on"),
        KNOWN("locked", BOOL, "R112", "Only users with the capability for it may change it.",
              .fallback = "false"),
        KNOWN("proxy", TEXT, "R115", "Client proxy.", .flags = CONF_REQUIRED, .max = NAME_MAX_LONG),
        KNOWN("decryption_policy", TEXT, "R115", "Decryption policy.", .max = NAME_MAX_LONG),
        KNOWN("trust_store", REF, "R115", "Trust store that servers are verified by.",
              .ref = CONF_TRUST_STORES),
        KNOWN("never_decrypt_sources", PREFIXES, "R116", "Clients never decrypted.",
              .max = LIST_MAX),
        KNOWN("always_decrypt_sources", PREFIXES, "R116", "Clients always decrypted.",
              .max = LIST_MAX),
};

const struct conf_object conf_object_client_policy = {.name = "client policy",
                                                      OBJECT_OF(client_policy_fields)};

static const struct conf_field sms_fields[] = {
        KNOWN("address", TEXT, "", "Host name or address of the management system.", .max = 255),
        KNOWN("port", PORT, "", "Its port for devices.", .min = 1, .max = 65535,
              .fallback = "8444"),
};

const struct conf_object conf_object_sms = {.name = "sms", OBJECT_OF(sms_fields)};
