/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of people and roles. */
#include "smsd/api/call.h"
#include "smsd/api/shape.h"
#include "smsd/auth/group.h"
#include "smsd/auth/people.h"

enum {
	NAME_LONGEST = ACTOR_NAME_MAX - 1,
	COUNT_MAX = 1000000,
};

#define COMMENT_ROW CONF_ROW("comment", TEXT, "What for.", .max = PEOPLE_COMMENT_MAX)
#define REVISION_ROW                                                                               \
	CONF_ROW("revision", UINT, "Counts its changes; the ETag too.", .flags = CONF_REQUIRED,    \
	         .max = API_NUMBER_MAX)

#define GROUPS_ROW(text, required)                                                                 \
	CONF_ROW("groups", NAMES, text, .flags = (required), .max = GROUPS_MAX)

/* ---- people ------------------------------------------------------------------------------ */

static const struct conf_field person_request_rows[] = {
        CONF_ROW("name", TEXT,
                 "To log in with: letters, digits, \"_\", \"-\", \".\", \"@\", spaces.",
                 .flags = CONF_REQUIRED, .max = NAME_LONGEST),
        CONF_ROW("role", TEXT, "One of /roles, none that may what you may not.",
                 .flags = CONF_REQUIRED, .max = NAME_LONGEST),
        COMMENT_ROW,
        GROUPS_ROW("The groups that he is in; none: he sees all.", 0),
};

const struct conf_object api_shape_person_request =
        CONF_ROWS("person request", person_request_rows);

static const struct conf_field person_change_rows[] = {
        CONF_ROW("role", TEXT, "One of /roles; as it is when it is left out.", .max = NAME_LONGEST),
        COMMENT_ROW,
        CONF_ROW("disabled", BOOL, "Logs in no more, and is out at once."),
        GROUPS_ROW("The groups that he is in from now on; [] is none: he sees all.", 0),
};

const struct conf_object api_shape_person_change = CONF_ROWS("person change", person_change_rows);

static const struct conf_field person_password_rows[] = {
        CONF_ROW("name", TEXT, "Whose.", .flags = CONF_REQUIRED, .max = NAME_LONGEST),
        CONF_ROW("password", TEXT, "Shown this once, to be changed at the first login.",
                 .flags = CONF_REQUIRED, .max = AUTH_SECRET_MAX),
};

const struct conf_object api_shape_person_password =
        CONF_ROWS("person's password", person_password_rows);

static const struct conf_field person_rows[] = {
        CONF_ROW("name", TEXT, "The name.", .flags = CONF_REQUIRED, .max = NAME_LONGEST),
        CONF_ROW("role", TEXT, "What he may.", .flags = CONF_REQUIRED, .max = NAME_LONGEST),
        GROUPS_ROW("The groups that he is in; none: he sees all.", CONF_REQUIRED),
        CONF_ROW("comment", TEXT, "What for.", .flags = CONF_REQUIRED, .max = PEOPLE_COMMENT_MAX),
        CONF_ROW("disabled", BOOL, "May not log in.", .flags = CONF_REQUIRED),
        CONF_ROW("must_change", BOOL, "Has to change the password before anything else.",
                 .flags = CONF_REQUIRED),
        CONF_ROW("made", TIME, "Since when.", .flags = CONF_REQUIRED),
        CONF_ROW("entered", TIME, "The last login."),
        CONF_ROW("locked_until", TIME, "Waits until then, after too many wrong passwords."),
        CONF_ROW("sessions", UINT, "How many there are.", .flags = CONF_REQUIRED, .max = COUNT_MAX),
        CONF_ROW("tokens", UINT, "How many there are.", .flags = CONF_REQUIRED, .max = COUNT_MAX),
        REVISION_ROW,
};

const struct conf_object api_shape_person = CONF_ROWS("person", person_rows);

static const struct conf_field people_rows[] = {
        CONF_ROW("items", OBJECTS, "By name.", .flags = CONF_REQUIRED, .object = &api_shape_person,
                 .max = API_PAGE_MAX),
        CONF_ROW("next", TEXT, "What `after` is for the next page; empty at the end.",
                 .flags = CONF_REQUIRED, .max = NAME_LONGEST),
};

const struct conf_object api_shape_people = CONF_ROWS("people", people_rows);

/* ---- roles ------------------------------------------------------------------------------- */

static const struct conf_field role_request_rows[] = {
        CONF_ROW("name", NAME, "One that no other role has.", .flags = CONF_REQUIRED,
                 .max = NAME_LONGEST),
        CONF_ROW("from", TEXT, "The role that it is made from.", .flags = CONF_REQUIRED,
                 .max = NAME_LONGEST),
        CONF_ROW("capabilities", CHOICES,
                 "What it may, of what you may; without it what `from` does.",
                 .choices = &api_capabilities),
        COMMENT_ROW,
};

const struct conf_object api_shape_role_request = CONF_ROWS("role request", role_request_rows);

static const struct conf_field role_change_rows[] = {
        CONF_ROW("capabilities", CHOICES, "What it may from now on, of what you may.",
                 .choices = &api_capabilities),
        COMMENT_ROW,
};

const struct conf_object api_shape_role_change = CONF_ROWS("role change", role_change_rows);

static const struct conf_field role_rows[] = {
        CONF_ROW("name", TEXT, "The name.", .flags = CONF_REQUIRED, .max = NAME_LONGEST),
        CONF_ROW("default", BOOL, "Always there, and not to be changed.", .flags = CONF_REQUIRED),
        CONF_ROW("from", TEXT, "The role that it was made from; \"\" of a default one.",
                 .flags = CONF_REQUIRED, .max = NAME_LONGEST),
        CONF_ROW("comment", TEXT, "What for.", .flags = CONF_REQUIRED, .max = PEOPLE_COMMENT_MAX),
        CONF_ROW("capabilities", CHOICES, "What it may.", .flags = CONF_REQUIRED,
                 .choices = &api_capabilities),
        REVISION_ROW,
};

const struct conf_object api_shape_role = CONF_ROWS("role", role_rows);

static const struct conf_field roles_rows[] = {
        CONF_ROW("items", OBJECTS, "The default ones, then the others by name.",
                 .flags = CONF_REQUIRED, .object = &api_shape_role, .max = API_PAGE_MAX),
};

const struct conf_object api_shape_roles = CONF_ROWS("roles", roles_rows);
