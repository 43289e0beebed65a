/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of panic mode. */
#include "smsd/api/call.h"
#include "smsd/api/shape.h"
#include "smsd/base/actor.h"
#include "smsd/push/panic.h"
#include "smsd/push/push.h"

static const struct conf_choice step_words[] = {
#define X(NAME, name, help) {name, ""},
        REMOTE_PANIC_STEPS(X)
#undef X
};
static const struct conf_choices steps = {"step", step_words, SL_ARRAY_LEN(step_words)};

#define DEVICES_ROW(text) CONF_ROW("devices", NAMES, text, .min = 1, .max = PUSH_DEVICES_MAX)

static const struct conf_field request_rows[] = {
        DEVICES_ROW("Of these, by name; left out: of all that are enrolled."),
        CONF_ROW(
                "step", CHOICE,
                "except: a client, server or domain is left alone; stop: nothing new is decrypted; "
                "fallback: layer-2 fallback.",
                .flags = CONF_REQUIRED, .choices = &steps),
        CONF_ROW("client", TEXT, "Of except: a client's address.", .min = 1,
                 .max = REMOTE_PANIC_VALUE_MAX),
        CONF_ROW("server", TEXT, "Of except: a server's address.", .min = 1,
                 .max = REMOTE_PANIC_VALUE_MAX),
        CONF_ROW("domain", TEXT, "Of except: a domain.", .min = 1, .max = REMOTE_PANIC_VALUE_MAX),
        CONF_ROW("minutes", UINT, "It ends by itself after so long; left out: when it is cleared.",
                 .min = 1, .max = PANIC_MINUTES_MAX),
        CONF_ROW("comment", TEXT, "Why.", .max = PANIC_COMMENT_MAX),
};
const struct conf_object api_shape_panic_request = CONF_ROWS("panic request", request_rows);

static const struct conf_field clear_rows[] = {
        DEVICES_ROW("Of these, by name; left out: of all."),
        CONF_ROW("id", UINT, "That one alone; left out: all that is asked of them.", .min = 1,
                 .max = API_NUMBER_MAX),
};
const struct conf_object api_shape_panic_clear = CONF_ROWS("panic clear", clear_rows);

static const struct conf_field step_rows[] = {
        CONF_ROW("id", UINT, "Its number, the same on all devices that it was asked of at once.",
                 .flags = CONF_REQUIRED, .max = API_NUMBER_MAX),
        CONF_ROW("step", TEXT, "except, stop or fallback.", .flags = CONF_REQUIRED, .max = 16),
        CONF_ROW("what", TEXT, "Of except: client, server or domain; else empty.",
                 .flags = CONF_REQUIRED, .max = 16),
        CONF_ROW("value", TEXT, "Of except: which one.", .flags = CONF_REQUIRED,
                 .max = REMOTE_PANIC_VALUE_MAX),
        CONF_ROW("since", TIME, "When it was asked for.", .flags = CONF_REQUIRED),
        CONF_ROW("until", TIME, "When it ends by itself; left out: when it is cleared."),
        CONF_ROW("left_s", UINT, "Seconds until then.", .max = API_NUMBER_MAX),
        CONF_ROW("who", TEXT, "Who asked for it.", .flags = CONF_REQUIRED, .max = ACTOR_NAME_MAX),
        CONF_ROW("comment", TEXT, "Why; may be empty.", .flags = CONF_REQUIRED,
                 .max = PANIC_COMMENT_MAX),
};
static const struct conf_object step = CONF_ROWS("step", step_rows);

static const struct conf_field device_rows[] = {
        CONF_ROW("name", NAME, "The device.", .flags = CONF_REQUIRED, .max = CONF_NAME_SHORT),
        CONF_ROW("state", TEXT,
                 "\"asked\" until the device says that it has what is asked; then \"on\", or "
                 "\"cleared\" where nothing is.",
                 .flags = CONF_REQUIRED, .max = 16),
        CONF_ROW("steps", OBJECTS, "What is asked of it, oldest first.", .flags = CONF_REQUIRED,
                 .object = &step, .max = REMOTE_PANIC_MAX),
};
static const struct conf_object device = CONF_ROWS("device", device_rows);

static const struct conf_field panic_rows[] = {
        CONF_ROW("id", UINT, "Of what was asked for now.", .max = API_NUMBER_MAX),
        CONF_ROW("devices", OBJECTS, "All devices that were ever asked, by name.",
                 .flags = CONF_REQUIRED, .object = &device, .max = DEVICES_MAX),
};
const struct conf_object api_shape_panic = CONF_ROWS("panic", panic_rows);
