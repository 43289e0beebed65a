/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of devices. */
#include "smsd/api/call.h"
#include "smsd/api/shape.h"
#include "smsd/device/device.h"

#define NAME_ROW CONF_ROW("name", NAME, "Its name.", .flags = CONF_REQUIRED, .max = CONF_NAME_SHORT)

static const struct conf_field request_rows[] = {
        CONF_ROW("name", NAME, "One that no other device has.", .flags = CONF_REQUIRED,
                 .max = CONF_NAME_SHORT),
        CONF_ROW("comment", TEXT, "For people.", .max = DEVICE_COMMENT_MAX),
};
const struct conf_object api_shape_device_request = CONF_ROWS("device request", request_rows);

static const struct conf_field token_rows[] = {
        NAME_ROW,
        CONF_ROW("token", TEXT, "What enrols it, shown this once: tps sms enrol asks for it.",
                 .flags = CONF_REQUIRED, .max = REMOTE_TOKEN_MAX),
        CONF_ROW("hours", UINT, "How long it holds.", .flags = CONF_REQUIRED,
                 .max = DEVICE_TOKEN_S),
        CONF_ROW("port", UINT, "Where devices are served.", .flags = CONF_REQUIRED,
                 .max = UINT16_MAX),
};
const struct conf_object api_shape_device_token = CONF_ROWS("device token", token_rows);

static const struct conf_field change_rows[] = {
        CONF_ROW("comment", TEXT, "For people; what is left out stays.", .max = DEVICE_COMMENT_MAX),
        CONF_ROW("settings", ANY,
                 "Its part of its document: all top keys that are no objects of their own."),
};
const struct conf_object api_shape_device_change = CONF_ROWS("device change", change_rows);

#define DEVICE_ROWS                                                                                \
	NAME_ROW,                                                                                  \
	        CONF_ROW("state", TEXT, "\"new\", \"enrolled\" or \"revoked\".",                   \
	                 .flags = CONF_REQUIRED, .max = 16),                                       \
	        CONF_ROW("online", BOOL, "It was heard of in the last three minutes.",             \
	                 .flags = CONF_REQUIRED),                                                  \
	        CONF_ROW("comment", TEXT, "For people.", .flags = CONF_REQUIRED,                   \
	                 .max = DEVICE_COMMENT_MAX),                                               \
	        CONF_ROW("revision", UINT, "Of what people change.", .flags = CONF_REQUIRED,       \
	                 .max = API_NUMBER_MAX),                                                   \
	        CONF_ROW("wanted", UINT, "The document that it should have; 0: none yet.",         \
	                 .flags = CONF_REQUIRED, .max = API_NUMBER_MAX),                           \
	        CONF_ROW("in_step", BOOL, "The document in force is the one wanted.",              \
	                 .flags = CONF_REQUIRED),                                                  \
	        CONF_ROW("made", TIME, "When it was made here.", .flags = CONF_REQUIRED),          \
	        CONF_ROW("enrolled", TIME, "When it redeemed its token last."),                    \
	        CONF_ROW("seen", TIME, "When it was heard of last, to the minute."),               \
	        CONF_ROW("certificate_ends", TIME, "When its certificate ends."),                  \
	        CONF_ROW("model", TEXT, "Its model.", .max = 64),                                  \
	        CONF_ROW("version", TEXT, "Version of its software.", .max = 64),                  \
	        CONF_ROW("needs_distribution", TEXT,                                               \
	                 "Whether the document that the objects make is another than the one in "  \
	                 "force: \"yes\" (or none can be made), \"no\", \"checking\" for some "    \
	                 "seconds after a change, \"unknown\" before it enrolled.",                \
	                 .flags = CONF_REQUIRED, .max = 16),                                       \
	        CONF_ROW("needs_since", TIME, "Since when it is \"yes\"."),                        \
	        CONF_ROW("ssl_inspection", TEXT,                                                   \
	                 "Whether it may decrypt, as it told: \"allowed\", \"denied\" or "         \
	                 "\"reboot required\" (R39); left out: it has not said.",                  \
	                 .max = 32),                                                               \
	        CONF_ROW("licence", ANY, "All that it may, as it told; left out: the same."),      \
	        CONF_ROW("panic", TEXT,                                                            \
	                 "The highest step of panic mode that is asked of it: \"except\", "        \
	                 "\"stop\", \"fallback\"; empty: none.",                                   \
	                 .max = 16),                                                               \
	        CONF_ROW("panic_state", TEXT, "As in panic's state; left out: never asked.",       \
	                 .max = 16),                                                               \
	        CONF_ROW("health", ANY, "How it is, as it told.")

static const struct conf_field device_rows[] = {
        DEVICE_ROWS,
        CONF_ROW("capabilities", ANY, "What it can do, as it told."),
        CONF_ROW("settings", ANY, "Its part of its document."),
};
const struct conf_object api_shape_device = CONF_ROWS("device", device_rows);

static const struct conf_field item_rows[] = {DEVICE_ROWS};
static const struct conf_object item = CONF_ROWS("item", item_rows);

static const struct conf_field page_rows[] = {
        CONF_ROW("items", OBJECTS, "By name.", .flags = CONF_REQUIRED, .object = &item,
                 .max = API_PAGE_MAX),
        CONF_ROW("next", TEXT, "What `after` is for the next page; empty at the end.",
                 .flags = CONF_REQUIRED, .max = CONF_NAME_SHORT),
};
const struct conf_object api_shape_devices = CONF_ROWS("devices", page_rows);
