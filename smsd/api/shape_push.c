/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of distributions. */
#include "lib/remote/remote.h"
#include "smsd/api/call.h"
#include "smsd/api/shape.h"
#include "smsd/object/object.h"
#include "smsd/push/push.h"

enum { TEXT_MAX = 1024, POINTER_MAX = 512, NAME_MAX_SHOWN = OBJECT_NAME_MAX - 1 };

static const struct conf_field request_rows[] = {
        CONF_ROW("devices", NAMES, "To these, by name; the first is a staged one's first.",
                 .max = PUSH_DEVICES_MAX),
        CONF_ROW("all", BOOL, "To all that are enrolled; instead of devices.", .fallback = "false"),
        CONF_ROW("certificate", NAME,
                 "To those whose document holds this certificate; instead of devices.",
                 .max = CONF_NAME_LONG),
        CONF_ROW("comment", TEXT, "Why, for the list.", .max = OBJECT_COMMENT_MAX),
        CONF_ROW("confirm_s", UINT,
                 "A device goes back by itself unless it finds all well for so long; 0: never.",
                 .max = PUSH_CONFIRM_MAX_S, .fallback = "300"),
        CONF_ROW("staged", BOOL, "The first device must have confirmed before the others are told.",
                 .fallback = "false"),
        CONF_ROW("wait_s", UINT, "Staged: and be quiet for so long.", .max = PUSH_WAIT_MAX_S,
                 .fallback = "0"),
        CONF_ROW("not_before", TIME, "Scheduled: no device is told before."),
};
const struct conf_object api_shape_distribution_request = CONF_ROWS("distribution", request_rows);

static const struct conf_field item_rows[] = {
        CONF_ROW("kind", TEXT, "Kind of the object, or device.", .flags = CONF_REQUIRED, .max = 64),
        CONF_ROW("name", TEXT, "Its name.", .flags = CONF_REQUIRED, .max = NAME_MAX_SHOWN),
        CONF_ROW("pointer", TEXT, "Place within it (RFC 6901).", .flags = CONF_REQUIRED,
                 .max = POINTER_MAX),
        CONF_ROW("notice", BOOL, "Worth reading; refuses nothing.", .flags = CONF_REQUIRED),
        CONF_ROW("text", TEXT, "What is the matter.", .flags = CONF_REQUIRED, .max = TEXT_MAX),
        CONF_ROW("remedy", TEXT, "What to do about it; may be empty.", .flags = CONF_REQUIRED,
                 .max = TEXT_MAX),
};
static const struct conf_object item = CONF_ROWS("item", item_rows);

#define ITEMS_ROW                                                                                  \
	CONF_ROW("items", OBJECTS, "Places that something is to be said of.",                      \
	         .flags = CONF_REQUIRED, .object = &item, .max = REMOTE_ITEMS_MAX)

static const struct conf_field device_rows[] = {
        CONF_ROW("name", NAME, "The device.", .flags = CONF_REQUIRED, .max = CONF_NAME_SHORT),
        CONF_ROW("state", TEXT,
                 "waiting, offered, fetched, in force, confirmed; refused, reverted, superseded.",
                 .flags = CONF_REQUIRED, .max = 32),
        CONF_ROW("revision", UINT, "Of its document; 0: not made yet.", .flags = CONF_REQUIRED,
                 .max = API_NUMBER_MAX),
        CONF_ROW("online", BOOL, "It was heard of lately.", .flags = CONF_REQUIRED),
        CONF_ROW("changed", TIME, "When its state changed last.", .flags = CONF_REQUIRED),
        CONF_ROW("changed_ms", UINT, "The same in milliseconds since 1970: what since takes.",
                 .flags = CONF_REQUIRED, .max = API_NUMBER_MAX),
        CONF_ROW("text", TEXT, "Why; may be empty.", .flags = CONF_REQUIRED, .max = TEXT_MAX),
        ITEMS_ROW,
};
static const struct conf_object device = CONF_ROWS("device", device_rows);

#define HEAD_ROWS                                                                                  \
	CONF_ROW("id", UINT, "Counts up.", .flags = CONF_REQUIRED, .max = API_NUMBER_MAX),         \
	        CONF_ROW("who", TEXT, "Who began it.", .flags = CONF_REQUIRED, .max = 64),         \
	        CONF_ROW("made", TIME, "When.", .flags = CONF_REQUIRED),                           \
	        CONF_ROW("comment", TEXT, "Why; may be empty.", .flags = CONF_REQUIRED,            \
	                 .max = OBJECT_COMMENT_MAX),                                               \
	        CONF_ROW("state", TEXT, "running or ended.", .flags = CONF_REQUIRED, .max = 16),   \
	        CONF_ROW("stopped", TEXT,                                                          \
	                 "Why devices that wait are left as they are; empty: they are not.",       \
	                 .flags = CONF_REQUIRED, .max = TEXT_MAX),                                 \
	        CONF_ROW("confirm_s", UINT, "As it was asked for.", .flags = CONF_REQUIRED,        \
	                 .max = PUSH_CONFIRM_MAX_S),                                               \
	        CONF_ROW("staged", BOOL, "As it was asked for.", .flags = CONF_REQUIRED),          \
	        CONF_ROW("wait_s", UINT, "As it was asked for.", .flags = CONF_REQUIRED,           \
	                 .max = PUSH_WAIT_MAX_S),                                                  \
	        CONF_ROW("not_before", TIME, "When it was scheduled for."),                        \
	        CONF_ROW("ended", TIME, "When nothing more was to come of it."),                   \
	        CONF_ROW("counts", ANY, "How many devices are in each state.",                     \
	                 .flags = CONF_REQUIRED)

static const struct conf_field distribution_rows[] = {
        HEAD_ROWS,
        CONF_ROW("devices", OBJECTS, "In their order.", .flags = CONF_REQUIRED, .object = &device,
                 .max = PUSH_DEVICES_MAX),
};
const struct conf_object api_shape_distribution = CONF_ROWS("distribution", distribution_rows);

static const struct conf_field head_rows[] = {HEAD_ROWS};
static const struct conf_object head = CONF_ROWS("distribution", head_rows);

static const struct conf_field page_rows[] = {
        CONF_ROW("items", OBJECTS, "Newest first.", .flags = CONF_REQUIRED, .object = &head,
                 .max = API_PAGE_MAX),
};
const struct conf_object api_shape_distributions = CONF_ROWS("distributions", page_rows);

static const struct conf_field previewed_rows[] = {
        CONF_ROW("name", NAME, "The device.", .flags = CONF_REQUIRED, .max = CONF_NAME_SHORT),
        CONF_ROW("online", BOOL, "It was heard of lately.", .flags = CONF_REQUIRED),
        CONF_ROW("refused", BOOL, "It would be told nothing: an item refuses.",
                 .flags = CONF_REQUIRED),
        ITEMS_ROW,
        CONF_ROW("changes", ANY, "What would change on it; left out where no document is."),
        CONF_ROW("scope", ANY, "What its sessions would see of that."),
};
static const struct conf_object previewed = CONF_ROWS("device", previewed_rows);

static const struct conf_field preview_rows[] = {
        CONF_ROW("devices", OBJECTS, "In their order.", .flags = CONF_REQUIRED,
                 .object = &previewed, .max = PUSH_DEVICES_MAX),
};
const struct conf_object api_shape_preview = CONF_ROWS("preview", preview_rows);
