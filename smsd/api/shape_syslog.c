/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of syslog servers. */
#include "smsd/api/shape.h"
#include "smsd/forward/forward.h"

enum { NAME = 64, WORD = 16, PORT_MAX = 65535 };

static const struct conf_choice transport_words[] = {
        {"tls", "TLS 1.2 or later over TCP (RFC 5425)"},
        {"tcp", "TCP without encryption (RFC 6587): within a network that you trust"},
};
static const struct conf_choices transports = {"transport", transport_words,
                                               SL_ARRAY_LEN(transport_words)};

#define NAME_ROW CONF_ROW("name", NAME, "What it is called.", .flags = CONF_REQUIRED, .max = NAME)
#define SET_ROWS                                                                                   \
	CONF_ROW("host", TEXT, "Its name or address; its certificate must be for it.",             \
	         .flags = CONF_REQUIRED, .max = FORWARD_HOST_MAX),                                 \
	        CONF_ROW("port", UINT, "0: 6514 with TLS, 601 without.", .max = PORT_MAX,          \
	                 .fallback = "0"),                                                         \
	        CONF_ROW("transport", CHOICE, "How messages go.", .choices = &transports,          \
	                 .fallback = "tls"),                                                       \
	        CONF_ROW("ca", TEXT,                                                               \
	                 "PEM of what verifies it; empty: the system's CA certificates.",          \
	                 .flags = CONF_LINES, .max = FORWARD_CA_MAX, .fallback = ""),              \
	        CONF_ROW("kinds", NAMES, "Kinds of events (event_type) that it gets; none: all.",  \
	                 .max = FORWARD_KINDS_MAX),                                                \
	        CONF_ROW("enabled", BOOL,                                                          \
	                 "Whether it gets any; enabled, it gets what is stored from then on.",     \
	                 .fallback = "true"),                                                      \
	        CONF_ROW("spool", UINT,                                                            \
	                 "So many events may wait for it; beyond that the oldest are skipped.",    \
	                 .min = FORWARD_SPOOL_MIN, .max = FORWARD_SPOOL_MAX,                       \
	                 .fallback = "1000000")

static const struct conf_field request_rows[] = {NAME_ROW, SET_ROWS};
const struct conf_object api_shape_syslog_target_request = CONF_ROWS("server", request_rows);

static const struct conf_field change_rows[] = {SET_ROWS};
const struct conf_object api_shape_syslog_target_change = CONF_ROWS("server", change_rows);

static const struct conf_field target_rows[] = {
        CONF_ROW("name", TEXT, "What it is called.", .flags = CONF_REQUIRED, .max = NAME),
        SET_ROWS,
        CONF_ROW("revision", UINT, "Counts its changes.", .flags = CONF_REQUIRED,
                 .max = API_NUMBER_MAX),
        CONF_ROW("state", TEXT,
                 "disabled, connecting, connected, or waiting: until it is tried again.",
                 .flags = CONF_REQUIRED, .max = WORD),
        CONF_ROW("since", TIME, "Since when."),
        CONF_ROW("sent", UINT, "Messages that it has, each counted once.", .flags = CONF_REQUIRED,
                 .max = API_NUMBER_MAX),
        CONF_ROW("waiting", UINT, "Events of which that is not known yet, of all kinds.",
                 .flags = CONF_REQUIRED, .max = API_NUMBER_MAX),
        CONF_ROW("skipped", UINT, "Events that it did not get, as too many waited.",
                 .flags = CONF_REQUIRED, .max = API_NUMBER_MAX),
        CONF_ROW("error", TEXT, "What is wrong; until it is connected again.",
                 .max = FORWARD_ERROR_MAX),
        CONF_ROW("error_time", TIME, "When something was wrong the last time."),
        CONF_ROW("testing", BOOL, "A test message is on its way.", .flags = CONF_REQUIRED),
        CONF_ROW("tested", TIME, "When the last one was sent."),
};
const struct conf_object api_shape_syslog_target = CONF_ROWS("server", target_rows);
static const struct conf_field targets_rows[] = {
        CONF_ROW("items", OBJECTS, "By name.", .flags = CONF_REQUIRED,
                 .object = &api_shape_syslog_target),
};
const struct conf_object api_shape_syslog_targets = CONF_ROWS("page", targets_rows);
