/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of groups: of each kind of auth/item.def what a group has of it. */
#include "smsd/api/shape.h"
#include "smsd/auth/group.h"
#include "smsd/auth/people.h"

enum { NAME_LONGEST = GROUP_NAME_MAX - 1 };

static const struct conf_field access_request_rows[] = {
        CONF_ROW("all", BOOL, "All of the kind, future ones too, but for the single ones."),
        CONF_ROW("items", NAMES, "Names: those that it has; with `all`, those that it has not.",
                 .max = GROUP_ITEMS_MAX),
};

static const struct conf_object access_request_object = CONF_ROWS("access", access_request_rows);

static const struct conf_field access_rows[] = {
        CONF_ROW("all", BOOL, "All of the kind, future ones too, but for the single ones.",
                 .flags = CONF_REQUIRED),
        CONF_ROW("items", NAMES, "Names: those that it has; with `all`, those that it has not.",
                 .flags = CONF_REQUIRED, .max = GROUP_ITEMS_MAX),
};

static const struct conf_object access_object = CONF_ROWS("access", access_rows);

static const struct conf_field group_request_rows[] = {
        CONF_ROW("name", NAME, "One that no other group has.", .flags = CONF_REQUIRED,
                 .max = NAME_LONGEST),
        CONF_ROW("comment", TEXT, "What for.", .max = PEOPLE_COMMENT_MAX),
#define ITEM(NAME, kind, collection, key, ref, help)                                               \
	CONF_ROW(key, OBJECT, "Of " help "; all where it is left out.",                            \
	         .object = &access_request_object),
#include "smsd/auth/item.def"
#undef ITEM
};

const struct conf_object api_shape_group_request = CONF_ROWS("group request", group_request_rows);

static const struct conf_field group_change_rows[] = {
        CONF_ROW("comment", TEXT, "What for.", .max = PEOPLE_COMMENT_MAX),
#define ITEM(NAME, kind, collection, key, ref, help)                                               \
	CONF_ROW(key, OBJECT, "Of " help "; as it is where it is left out.",                       \
	         .object = &access_request_object),
#include "smsd/auth/item.def"
#undef ITEM
};

const struct conf_object api_shape_group_change = CONF_ROWS("group change", group_change_rows);

static const struct conf_field group_rows[] = {
        CONF_ROW("name", TEXT, "The name.", .flags = CONF_REQUIRED, .max = NAME_LONGEST),
        CONF_ROW("default", BOOL, "\"Everyone\": who is in no group.", .flags = CONF_REQUIRED),
        CONF_ROW("comment", TEXT, "What for.", .flags = CONF_REQUIRED, .max = PEOPLE_COMMENT_MAX),
        CONF_ROW("people", NAMES, "Who is in it, by name.", .flags = CONF_REQUIRED,
                 .max = PEOPLE_MAX),
        CONF_ROW("revision", UINT, "Counts its changes; the ETag too.", .flags = CONF_REQUIRED,
                 .max = API_NUMBER_MAX),
#define ITEM(NAME, kind, collection, key, ref, help)                                               \
	CONF_ROW(key, OBJECT, "Of " help ".", .flags = CONF_REQUIRED, .object = &access_object),
#include "smsd/auth/item.def"
#undef ITEM
};

const struct conf_object api_shape_group = CONF_ROWS("group", group_rows);

static const struct conf_field groups_rows[] = {
        CONF_ROW("items", OBJECTS, "\"Everyone\" first, then by name.", .flags = CONF_REQUIRED,
                 .object = &api_shape_group, .max = GROUPS_MAX + 1),
};

const struct conf_object api_shape_groups = CONF_ROWS("groups", groups_rows);
