/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the schema: the device, its segments, and what passes before all inspection. */
#include "lib/conf/schema_priv.h"

static const struct conf_field metrics_fields[] = {
        FIELD("address", ADDRESS, config_device, metrics.address, RESTART, "",
              "Address that the Prometheus listener binds.", .fallback = "127.0.0.1"),
        FIELD("port", PORT, config_device, metrics.port, RESTART, "",
              "Port of the Prometheus listener; 0: none.", .min = 0, .max = 65535,
              .fallback = "9477"),
};

static const struct conf_object metrics_object = {.name = "metrics", OBJECT_OF(metrics_fields)};

static const struct conf_field device_fields[] = {
        FIELD("name", NAME, config_device, name, LIVE, "R35",
              "Name of this device in logs and in the management system.", .max = NAME_MAX_SHORT,
              .fallback = "sluice"),
        FIELD("contact", TEXT, config_device, contact, NEW_SESSIONS, "R99",
              "Whom users ask about a block page: a name, an address, a telephone number.",
              .max = CONTACT_MAX, .fallback = ""),
        FIELD("workers", UINT, config_device, workers, RESTART, "",
              "Worker processes; 0: one for each CPU. With licence_keys, one only unless a licence "
              "allows all_cores.",
              .min = 0, .max = 256, .fallback = "0"),
        FIELD("asymmetric_network", BOOL, config_device, asymmetric_network, RESTART, "R9",
              "The two directions of a flow may take different devices. Not together with SSL "
              "inspection.",
              .fallback = "false"),
        FIELD("web_mode", BOOL, config_device, web_mode, RESTART, "R10",
              "Web mode. Not together with SSL inspection.", .fallback = "false"),
        FIELD("vlan_translation", BOOL, config_device, vlan_translation, RESTART, "R11",
              "A VLAN tag may change between the ports. Not together with SSL inspection.",
              .fallback = "false"),
        FIELD("default_ca_file", PATH, config_device, default_ca_file, NEW_SESSIONS, "R78",
              "PEM file of the default CA certificates, which trust stores may include.",
              .flags = CONF_FILE, .max = PATH_LEN_MAX,
              .fallback = "/etc/ssl/certs/ca-certificates.crt"),
        FIELD("category_package", PATH, config_device, category_package, NEW_SESSIONS, "R40, R41",
              "Signed package of the categories that decryption policies name; tps categories "
              "makes one.",
              .flags = CONF_FILE, .max = PATH_LEN_MAX, .fallback = ""),
        FIELD("package_keys", PATHS, config_device, package_keys, NEW_SESSIONS, "R41",
              "PEM files of the public keys (Ed25519) that a package may be signed by.",
              .flags = CONF_FILE, .max = 16),
        FIELD("licence_keys", PATH, config_device, licence_keys, LIVE, "R36",
              "PEM file of the licence authority's public keys (Ed25519). With it, what no licence "
              "allows is denied; without, everything is allowed.",
              .flags = CONF_FILE, .max = PATH_LEN_MAX, .fallback = ""),
        {.name = "metrics",
         .type = CONF_TYPE_OBJECT,
         .offset = 0,
         .scope = CONF_SCOPE_RESTART,
         .source = "",
         .help = "The Prometheus listener.",
         .object = &metrics_object},
};

const struct conf_object conf_object_device = {.name = "device", OBJECT_OF(device_fields)};

static const struct conf_field segment_limits_fields[] = {
        FIELD("sessions", UINT, config_segment, limits.sessions, NEW_SESSIONS, "R145",
              "Sessions inspected at once on this segment; 0: no bound but the device's.", .min = 0,
              IN_TABLE, .fallback = "0"),
};

static const struct conf_object segment_limits_object = {.name = "segment limits",
                                                         OBJECT_OF(segment_limits_fields)};

static const struct conf_field segment_fields[] = {
        FIELD("name", NAME, config_segment, name, RESTART, "", "Name of the segment.",
              .flags = CONF_REQUIRED, .max = NAME_MAX_SHORT),
        FIELD("port_a", INTERFACE, config_segment, port_a, RESTART, "R1",
              "Network interface that is port A.", .flags = CONF_REQUIRED,
              .max = CONFIG_PORT_NAME_MAX - 1),
        FIELD("port_b", INTERFACE, config_segment, port_b, RESTART, "R1",
              "Network interface that is port B.", .flags = CONF_REQUIRED,
              .max = CONFIG_PORT_NAME_MAX - 1),
        FIELD("on_failure", CHOICE, config_segment, on_failure, LIVE, "R24",
              "What becomes of flows that policy watches while inspection is dead or hung.",
              .choices = &conf_choices_action, .allowed = BYPASS_OR_BLOCK, .fallback = "bypass"),
        FIELD("on_overload", CHOICE, config_segment, on_overload, NEW_SESSIONS, "R145",
              "What becomes of new flows while a limit is reached, before a proxy is known.",
              .choices = &conf_choices_action, .allowed = BYPASS_OR_BLOCK, .fallback = "bypass"),
        FIELD("uninspectable", CHOICE, config_segment, uninspectable, LIVE, "R5, R7, R8",
              "IPv6, QinQ, GTP, nested tunnels, GRE with sequence numbers or checksums.",
              .choices = &conf_choices_pass, .fallback = "forward"),
        FIELD("reclaim", BOOL, config_segment, reclaim, LIVE, "",
              "Reset flows that were let by uninspected once inspection is back.",
              .fallback = "false"),
        FIELD("midstream_grace", DURATION, config_segment, midstream_grace_ms, LIVE, "R159",
              "After start or fallback, flows whose start was not seen pass for this long.",
              .min = 0, .max = HOUR_MS, .fallback = "30s"),
        FIELD("midstream", CHOICE, config_segment, midstream, LIVE, "R159",
              "Flows to or from watched tuples whose start was not seen, after the grace time.",
              .choices = &conf_choices_pass, .fallback = "drop"),
        FIELD("asymmetric", CHOICE, config_segment, asymmetric, LIVE, "R159",
              "Flows of watched tuples whose return path is not seen.",
              .choices = &conf_choices_pass, .fallback = "forward"),
        FIELD("link_down_sync", CHOICE, config_segment, link_down_sync, LIVE, "R158",
              "What becomes of a port when the other one's link goes down.",
              .choices = &conf_choices_link_sync, .fallback = "off"),
        FIELD("link_down_wait", DURATION, config_segment, link_down_wait_ms, LIVE, "R158",
              "Time before link_down_sync: wait takes the other port down.", .min = 0,
              .max = HOUR_MS, .fallback = "5s"),
        {.name = "limits",
         .type = CONF_TYPE_OBJECT,
         .offset = 0,
         .scope = CONF_SCOPE_NEW_SESSIONS,
         .source = "R145",
         .help = "Limits of this segment, within the device's.",
         .object = &segment_limits_object},
};

const struct conf_object conf_object_segment = {.name = "segment",
                                                OBJECT_OF(segment_fields),
                                                .size = sizeof(struct config_segment),
                                                .index_offset =
                                                        offsetof(struct config_segment, index)};

static const struct conf_field bypass_rule_fields[] = {
        FIELD("name", NAME, config_bypass_rule, name, NEW_SESSIONS, "R12", "Name of the rule.",
              .flags = CONF_REQUIRED, .max = NAME_MAX_SHORT),
        FIELD("segments", REFS, config_bypass_rule, segments, NEW_SESSIONS, "R12",
              "Segments it holds for; none named: all.", .ref = CONF_SEGMENTS,
              .max = CONFIG_SEGMENTS_MAX),
        FIELD("vlans", VLANS, config_bypass_rule, vlans, NEW_SESSIONS, "R12",
              "VLANs and ranges of them, or the word untagged; none named: all.", .max = LIST_MAX),
        FIELD("tunnel", CHOICE, config_bypass_rule, tunnel, NEW_SESSIONS, "R7, R8",
              "Encapsulation of the packet.", .choices = &conf_choices_tunnel, .fallback = "any"),
        FIELD("sources", PREFIXES, config_bypass_rule, sources, NEW_SESSIONS, "R12",
              "Source addresses and CIDR blocks; none named: all.", .max = LIST_MAX),
        FIELD("destinations", PREFIXES, config_bypass_rule, destinations, NEW_SESSIONS, "R12",
              "Destination addresses and CIDR blocks; none named: all.", .max = LIST_MAX),
        FIELD("protocol", CHOICE, config_bypass_rule, protocol, NEW_SESSIONS, "R12",
              "Transport protocol. Ports can be named with tcp and udp only.",
              .choices = &conf_choices_protocol, .fallback = "any"),
        FIELD("source_ports", PORTS, config_bypass_rule, source_ports, NEW_SESSIONS, "R12",
              "Source ports and ranges; none named: all.", .max = LIST_MAX),
        FIELD("destination_ports", PORTS, config_bypass_rule, destination_ports, NEW_SESSIONS,
              "R12", "Destination ports and ranges; none named: all.", .max = LIST_MAX),
};

const struct conf_object conf_object_bypass_rule = {.name = "inspection bypass rule",
                                                    OBJECT_OF(bypass_rule_fields),
                                                    .size = sizeof(struct config_bypass_rule)};
