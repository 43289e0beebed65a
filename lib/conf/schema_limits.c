/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the schema: limits of the device, and where its logs go. */
#include "lib/conf/schema_priv.h"

#define KIB 1024ULL
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

static const struct conf_field limits_fields[] = {
        FIELD("sessions", UINT, config_limits, sessions, NEW_SESSIONS, "R145",
              "Sessions inspected at once.", .min = 1, IN_TABLE, .fallback = "100000"),
        FIELD("sessions_per_source", UINT, config_limits, sessions_per_source, NEW_SESSIONS, "R160",
              "Sessions of one client address at once; 0: no bound.", .min = 0, IN_TABLE,
              .fallback = "0"),
        FIELD("sessions_per_destination", UINT, config_limits, sessions_per_destination,
              NEW_SESSIONS, "R160", "Sessions to one server address and port at once; 0: no bound.",
              .min = 0, IN_TABLE, .fallback = "0"),
        FIELD("handshakes", UINT, config_limits, handshakes, NEW_SESSIONS, "R160",
              "Unfinished TLS handshakes at once.", .min = 1, .max = 1000000, .fallback = "2000"),
        FIELD("decision_age", DURATION, config_limits, decision_age_ms, NEW_SESSIONS, "R160",
              "Age of the oldest connection that waits for a decision, from which the device is "
              "overloaded.",
              .min = 10, .max = MINUTE_MS, .fallback = "1s"),
        FIELD("hysteresis_percent", UINT, config_limits, hysteresis_percent, LIVE, "R160",
              "Overload ends this far below the threshold that began it.", .min = 0, .max = 90,
              .fallback = "10"),
        FIELD("flows", UINT, config_limits, flows, NEW_SESSIONS, "R160",
              "Entries for watched and taken flows.", .min = 1024, IN_TABLE, .fallback = "262144"),
        FIELD("held_packets", UINT, config_limits, held_packets, LIVE, "", "Packets held at once.",
              .min = 64, .max = 1048576, .fallback = "16384"),
        FIELD("held_packets_per_flow", UINT, config_limits, held_packets_per_flow, LIVE, "",
              "Packets held at once for one flow.", .min = 4, .max = 1024, .fallback = "64"),
        FIELD("held_bytes", SIZE, config_limits, held_bytes, LIVE, "",
              "Bytes of packets held at once.", .min = 128 * KIB, .max = 4 * GIB,
              .fallback = "64MiB"),
        FIELD("fragments", UINT, config_limits, fragments, LIVE, "",
              "Fragments that wait to be put together.", .min = 16, .max = 1048576,
              .fallback = "4096"),
        FIELD("fragment_bytes", SIZE, config_limits, fragment_bytes, LIVE, "",
              "Bytes of such fragments.", .min = 64 * KIB, .max = 1 * GIB, .fallback = "16MiB"),
        FIELD("fragment_timeout", DURATION, config_limits, fragment_timeout_ms, LIVE, "",
              "How long a fragment waits.", .min = 100, .max = MINUTE_MS, .fallback = "2s"),
        FIELD("forged_leaves", UINT, config_limits, forged_leaves, NEW_SESSIONS, "R4",
              "Forged certificates that each worker keeps, some 0.6 KiB each, of all together no "
              "more than 4 KiB each, and 4 MiB for those used last; the signing process keeps "
              "twice as many, 0.6 KiB each. 0: none.",
              .min = 0, .max = 1000000, .fallback = "10000"),
        FIELD("hello_size", SIZE, config_limits, hello_size, NEW_SESSIONS, "",
              "Longest ClientHello.", .min = 4 * KIB, .max = 64 * KIB, .fallback = "64KiB"),
        FIELD("hold_buffer", SIZE, config_limits, hold_buffer, NEW_SESSIONS, "",
              "Bytes that inspection may hold back in one direction of a session.", .min = 4 * KIB,
              .max = 64 * KIB, .fallback = "64KiB"),
        FIELD("http_header", SIZE, config_limits, http_header, NEW_SESSIONS, "",
              "Longest HTTP header block.", .min = 1 * KIB, .max = 64 * KIB, .fallback = "64KiB"),
        FIELD("decoded_body", SIZE, config_limits, decoded_body, NEW_SESSIONS, "",
              "Decoded bytes of an HTTP body that filters read.", .min = 4 * KIB, .max = 64 * MIB,
              .fallback = "1MiB"),
        FIELD("decode_ratio", UINT, config_limits, decode_ratio, NEW_SESSIONS, "",
              "Decoded by encoded size of a body, above which it is a bomb.", .min = 2,
              .max = 10000, .fallback = "100"),
        FIELD("socket_buffer", SIZE, config_limits, socket_buffer, NEW_SESSIONS, "",
              "Buffer of each socket in each direction.", .min = 16 * KIB, .max = 64 * MIB,
              .fallback = "1MiB"),
        FIELD("rules", UINT, config_limits, rules, NEW_SESSIONS, "", "Rules of one profile.",
              .min = 1, .max = 1000000, .fallback = "100000"),
};

const struct conf_object conf_object_limits = {.name = "limits", OBJECT_OF(limits_fields)};

static const struct conf_field syslog_fields[] = {
        FIELD("address", ADDRESS, config_syslog, address, LIVE, "", "Address of the server.",
              .flags = CONF_REQUIRED),
        FIELD("port", PORT, config_syslog, port, LIVE, "", "Its port.", .min = 1, .max = 65535,
              .fallback = "514"),
        FIELD("protocol", CHOICE, config_syslog, protocol, LIVE, "", "Transport (RFC 5424).",
              .choices = &conf_choices_transport, .fallback = "udp"),
        FIELD("kinds", CHOICES, config_syslog, kinds, LIVE, "", "Kinds of events sent.",
              .choices = &conf_choices_event_kind, .fallback_help = "all"),
};

static const struct conf_object syslog_object = {
        .name = "syslog server", OBJECT_OF(syslog_fields), .size = sizeof(struct config_syslog)};

static const struct conf_field logging_fields[] = {
        FIELD("directory", PATH, config_logging, directory, RESTART, "",
              "Directory of the log files.", .max = PATH_LEN_MAX, .fallback = "",
              .fallback_help = "/var/log/sluice/INSTANCE"),
        FIELD("rotate_size", SIZE, config_logging, rotate_size, LIVE, "",
              "A log file of this size is closed and a new one begun.", .min = 64 * KIB,
              .max = 64 * GIB, .fallback = "100MiB"),
        FIELD("rotate_count", UINT, config_logging, rotate_count, LIVE, "",
              "Closed log files that are kept of each kind.", .min = 1, .max = 1000,
              .fallback = "10"),
        FIELD("level", CHOICE, config_logging, level, LIVE, "",
              "Gravest level left out is the next.", .choices = &conf_choices_level,
              .fallback = "info"),
        FIELD("syslog", OBJECTS, config_logging, syslog, LIVE, "", "Syslog servers.",
              .object = &syslog_object, .max = 8),
};

const struct conf_object conf_object_logging = {.name = "logging", OBJECT_OF(logging_fields)};
