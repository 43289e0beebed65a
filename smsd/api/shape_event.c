/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of events. */
#include "smsd/api/call.h"
#include "smsd/api/shape.h"
#include "lib/remote/remote.h"
#include "smsd/ingest/event_store.h"
#include "smsd/ingest/series.h"

static const struct conf_field event_rows[] = {
        CONF_ROW("at", TEXT, "Where it is; `before` takes it.", .flags = CONF_REQUIRED,
                 .max = EVENT_CURSOR_MAX - 1),
        CONF_ROW("event", ANY, "The line as the device wrote it.", .flags = CONF_REQUIRED),
};

static const struct conf_object event_object = CONF_ROWS("event", event_rows);

static const struct conf_field events_rows[] = {
        CONF_ROW("items", OBJECTS, "Latest first.", .flags = CONF_REQUIRED, .object = &event_object,
                 .max = API_PAGE_MAX),
        CONF_ROW("next", TEXT,
                 "`before` of the next page, even if this one has less than was asked for, or "
                 "nothing: a search that takes long ends early; \"\" at the end.",
                 .flags = CONF_REQUIRED, .max = EVENT_CURSOR_MAX - 1),
};

const struct conf_object api_shape_events = CONF_ROWS("events", events_rows);

static const struct conf_field came_rows[] = {
        CONF_ROW("event", ANY, "The line as the device wrote it.", .flags = CONF_REQUIRED),
};

static const struct conf_object came_object = CONF_ROWS("event that came", came_rows);

static const struct conf_field events_tail_rows[] = {
        CONF_ROW("items", OBJECTS, "In the order in which they came.", .flags = CONF_REQUIRED,
                 .object = &came_object, .max = API_PAGE_MAX),
        CONF_ROW("next", TEXT, "`after` of the next request.", .flags = CONF_REQUIRED,
                 .max = EVENT_CURSOR_MAX - 1),
        CONF_ROW("missed", UINT, "So many came before these and are not kept here any more.",
                 .flags = CONF_REQUIRED, .max = API_NUMBER_MAX),
};

const struct conf_object api_shape_events_tail = CONF_ROWS("events that came", events_tail_rows);

static const struct conf_field point_rows[] = {
        CONF_ROW("time", TIME, "When the step begins.", .flags = CONF_REQUIRED),
#define X(name, help) CONF_ROW(#name, UINT, help, .flags = CONF_REQUIRED, .max = API_NUMBER_MAX),
        REMOTE_COUNTERS(X)
#undef X
};

static const struct conf_object point_object = CONF_ROWS("point", point_rows);

static const struct conf_field series_rows[] = {
        CONF_ROW("step_s", UINT, "Seconds from one to the next: 60, 3600 or 86400.",
                 .flags = CONF_REQUIRED, .max = API_NUMBER_MAX),
        CONF_ROW("items", OBJECTS,
                 "Ascending, without steps of which nobody told anything. `active` is a mean, the "
                 "others are sums.",
                 .flags = CONF_REQUIRED, .object = &point_object, .max = SERIES_POINTS_MAX),
};

const struct conf_object api_shape_series = CONF_ROWS("series", series_rows);
