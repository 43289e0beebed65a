/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of alerts. */
#include "smsd/alert/alert.h"
#include "smsd/api/call.h"
#include "smsd/api/shape.h"

enum { NAME_MAX_SHOWN = 256, TEXT_MAX = 1024 };

static const struct conf_field about_rows[] = {
        CONF_ROW("kind", TEXT, "Kind of an object, \"device\", or \"sms\".", .flags = CONF_REQUIRED,
                 .max = 64),
        CONF_ROW("name", TEXT, "Its name.", .flags = CONF_REQUIRED, .max = NAME_MAX_SHOWN),
};
static const struct conf_object about = CONF_ROWS("about", about_rows);

#define ALERT_ROWS                                                                                 \
	CONF_ROW("id", UINT, "Its number.", .flags = CONF_REQUIRED, .max = API_NUMBER_MAX),        \
	        CONF_ROW("name", TEXT,                                                             \
	                 "certificate_expiry, device_silent, out_of_sync, threshold_reached, "     \
	                 "distribution_failed, panic or events_lost.",                             \
	                 .flags = CONF_REQUIRED, .max = 64),                                       \
	        CONF_ROW("state", TEXT, "\"raised\" or \"cleared\".", .flags = CONF_REQUIRED,      \
	                 .max = 16),                                                               \
	        CONF_ROW("severity", TEXT, "\"critical\", \"error\" or \"warning\".",              \
	                 .flags = CONF_REQUIRED, .max = 16),                                       \
	        CONF_ROW("about", OBJECT, "What it is about.", .flags = CONF_REQUIRED,             \
	                 .object = &about),                                                        \
	        CONF_ROW("since", TIME, "When it was raised.", .flags = CONF_REQUIRED),            \
	        CONF_ROW("cleared", TIME, "When it was over."),                                    \
	        CONF_ROW("text", TEXT, "What is the matter.", .flags = CONF_REQUIRED,              \
	                 .max = TEXT_MAX),                                                         \
	        CONF_ROW("remedy", TEXT, "What to do about it.", .flags = CONF_REQUIRED,           \
	                 .max = TEXT_MAX),                                                         \
	        CONF_ROW("acknowledged", TIME, "When somebody had seen it."),                      \
	        CONF_ROW("acknowledged_by", TEXT, "Who.", .max = NAME_MAX_SHOWN)

static const struct conf_field alert_rows[] = {ALERT_ROWS};
const struct conf_object api_shape_alert = CONF_ROWS("alert", alert_rows);

static const struct conf_field list_rows[] = {
        CONF_ROW("items", OBJECTS, "Newest first.", .flags = CONF_REQUIRED,
                 .object = &api_shape_alert, .max = API_PAGE_MAX),
        CONF_ROW("next", UINT, "`before` of the next page; 0: there is none.",
                 .flags = CONF_REQUIRED, .max = API_NUMBER_MAX),
};
const struct conf_object api_shape_alerts = CONF_ROWS("alerts", list_rows);
