/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of settings: a body is the schema's own row, what is around it is the same for all. */
#include "smsd/api/shape.h"
#include "smsd/object/object.h"

static const struct conf_field user_rows[] = {
        CONF_ROW("kind", TEXT, "What kind of object.", .flags = CONF_REQUIRED, .max = 32),
        CONF_ROW("name", TEXT, "Its name.", .flags = CONF_REQUIRED, .max = CONF_NAME_LONG),
};
static const struct conf_object user = CONF_ROWS("user", user_rows);

#define ITEM_ROWS(body_object, text)                                                               \
	CONF_ROW("name", TEXT, "Its name.", .flags = CONF_REQUIRED, .max = CONF_NAME_LONG),        \
	        CONF_ROW("revision", UINT, "Counts its changes.", .flags = CONF_REQUIRED,          \
	                 .max = API_NUMBER_MAX),                                                   \
	        CONF_ROW("changed", TIME, "When it was changed last.", .flags = CONF_REQUIRED),    \
	        CONF_ROW("body", OBJECT, text, .flags = CONF_REQUIRED, .object = &(body_object))

/* clang-format off */
#define KIND(NAME, name_, collection, key_, capability, help_)
#define SETTING(NAME, name_, collection_, key_, capability, object_, help_)                        \
	static const struct conf_field item_rows_##NAME[] = {                                      \
	        ITEM_ROWS(object_, "As it stands in a device's document.")};                       \
	static const struct conf_object item_##NAME = CONF_ROWS("item", item_rows_##NAME);         \
	static const struct conf_field page_rows_##NAME[] = {                                      \
	        CONF_ROW("items", OBJECTS, "By name; virtual segments in order.", .flags = CONF_REQUIRED,                     \
	                 .object = &item_##NAME),                                                  \
	        CONF_ROW("next", TEXT, "What `after` is for the next page; empty at the end.",     \
	                 .flags = CONF_REQUIRED, .max = CONF_NAME_LONG)};                          \
	const struct conf_object api_shape_page_##NAME = CONF_ROWS("page", page_rows_##NAME);      \
	static const struct conf_field shown_rows_##NAME[] = {                                     \
	        ITEM_ROWS(object_, "As it stands in a device's document."),                        \
	        CONF_ROW("used_by", OBJECTS, "What refers to it.", .flags = CONF_REQUIRED,         \
	                 .object = &user)};                                                        \
	const struct conf_object api_shape_shown_##NAME = CONF_ROWS("setting", shown_rows_##NAME);
#include "smsd/object/kind.def"
#undef KIND
/* clang-format on */

static const struct conf_field notice_rows[] = {
        CONF_ROW("pointer", TEXT, "Place in the body.", .flags = CONF_REQUIRED, .max = 512),
        CONF_ROW("text", TEXT, "What is worth knowing.", .flags = CONF_REQUIRED, .max = 1024),
        CONF_ROW("remedy", TEXT, "What to do about it.", .max = 512),
        CONF_ROW("object", ANY, "Kind and name, where it is of another object."),
};
static const struct conf_object notice = CONF_ROWS("notice", notice_rows);

static const struct conf_field difference_rows[] = {
        CONF_ROW("pointer", TEXT, "Place in the body; of what is gone, in the old one.",
                 .flags = CONF_REQUIRED, .max = 1024),
        CONF_ROW("label", TEXT, "The same by names.", .flags = CONF_REQUIRED, .max = 1024),
        CONF_ROW("kind", TEXT, "added, removed, changed or moved.", .flags = CONF_REQUIRED,
                 .max = 16),
        CONF_ROW("old", ANY, "Value before; null for none."),
        CONF_ROW("new", ANY, "Value since; null for none."),
};
static const struct conf_object difference = CONF_ROWS("difference", difference_rows);

static const struct conf_field written_rows[] = {
        CONF_ROW("name", TEXT, "Its name.", .flags = CONF_REQUIRED, .max = CONF_NAME_LONG),
        CONF_ROW("revision", UINT,
                 "Its revision: the one before where nothing was changed or written, 0 for "
                 "nothing made.",
                 .flags = CONF_REQUIRED, .max = API_NUMBER_MAX),
        CONF_ROW("checked", BOOL, "It was looked at only, and nothing was written.",
                 .flags = CONF_REQUIRED),
        CONF_ROW("notices", OBJECTS, "Worth knowing, and nothing that refuses.",
                 .flags = CONF_REQUIRED, .object = &notice),
        CONF_ROW("diff", OBJECTS, "What differs from before, setting by setting.",
                 .flags = CONF_REQUIRED, .object = &difference),
};
const struct conf_object api_shape_setting_written = CONF_ROWS("written", written_rows);

static const struct conf_field move_rows[] = {
        CONF_ROW("before", TEXT, "Name of the one that it goes before.", .max = CONF_NAME_LONG),
        CONF_ROW("after", TEXT, "Name of the one that it goes behind.", .max = CONF_NAME_LONG),
};
const struct conf_object api_shape_setting_move = CONF_ROWS("move", move_rows);

static const struct conf_field revision_rows[] = {
        CONF_ROW("revision", UINT, "Which.", .flags = CONF_REQUIRED, .max = API_NUMBER_MAX),
        CONF_ROW("time", TIME, "When.", .flags = CONF_REQUIRED),
        CONF_ROW("who", TEXT, "Who did it.", .flags = CONF_REQUIRED, .max = 64),
        CONF_ROW("action", TEXT, "What was done.", .flags = CONF_REQUIRED, .max = 64),
        CONF_ROW("name", TEXT, "The name from then on.", .flags = CONF_REQUIRED,
                 .max = CONF_NAME_LONG),
        CONF_ROW("comment", TEXT, "Why.", .flags = CONF_REQUIRED, .max = OBJECT_COMMENT_MAX),
        CONF_ROW("body", ANY, "As it is since; null for one that is gone."),
        CONF_ROW("diff", OBJECTS, "What differs.", .flags = CONF_REQUIRED, .object = &difference),
};
const struct conf_object api_shape_setting_revision = CONF_ROWS("revision", revision_rows);

static const struct conf_field rollback_rows[] = {
        CONF_ROW("revision", UINT, "The one to go back to.", .flags = CONF_REQUIRED, .min = 1,
                 .max = API_NUMBER_MAX),
};
const struct conf_object api_shape_setting_rollback = CONF_ROWS("rollback", rollback_rows);

static const struct conf_field suite_rows[] = {
        CONF_ROW("name", TEXT, "Its name, as IANA has it.", .flags = CONF_REQUIRED, .max = 64),
        CONF_ROW("openssl", TEXT, "As OpenSSL has it.", .flags = CONF_REQUIRED, .max = 64),
        CONF_ROW("id", UINT, "Its number, of the IANA registry.", .flags = CONF_REQUIRED,
                 .max = UINT16_MAX),
        CONF_ROW("first", TEXT, "Oldest protocol that has it.", .flags = CONF_REQUIRED, .max = 16),
        CONF_ROW("last", TEXT, "Newest protocol that has it.", .flags = CONF_REQUIRED, .max = 16),
        CONF_ROW("deselected", BOOL,
                 "The preset leaves it out, unless a proxy has a list of its own (R45).",
                 .flags = CONF_REQUIRED),
};
static const struct conf_object suite = CONF_ROWS("suite", suite_rows);

static const struct conf_field suites_rows[] = {
        CONF_ROW("items", OBJECTS, "In order of preference.", .flags = CONF_REQUIRED,
                 .object = &suite),
};
const struct conf_object api_shape_cipher_suites = CONF_ROWS("suites", suites_rows);

/* ---- of all objects ---------------------------------------------------------------------- */

static const struct conf_field change_rows[] = {
        CONF_ROW("id", UINT, "Counts up with every change of anything.", .flags = CONF_REQUIRED,
                 .max = API_NUMBER_MAX),
        CONF_ROW("time", TIME, "When.", .flags = CONF_REQUIRED),
        CONF_ROW("who", TEXT, "Who did it.", .flags = CONF_REQUIRED, .max = 64),
        CONF_ROW("kind", TEXT, "What kind of object.", .flags = CONF_REQUIRED, .max = 32),
        CONF_ROW("name", TEXT, "Its name from then on.", .flags = CONF_REQUIRED,
                 .max = CONF_NAME_LONG),
        CONF_ROW("revision", UINT, "Its revision.", .flags = CONF_REQUIRED, .max = API_NUMBER_MAX),
        CONF_ROW("action", TEXT, "What was done.", .flags = CONF_REQUIRED, .max = 64),
        CONF_ROW("comment", TEXT, "Why.", .flags = CONF_REQUIRED, .max = OBJECT_COMMENT_MAX),
};
static const struct conf_object change_object = CONF_ROWS("change", change_rows);

static const struct conf_field changes_rows[] = {
        CONF_ROW("items", OBJECTS, "Newest first.", .flags = CONF_REQUIRED,
                 .object = &change_object),
};
const struct conf_object api_shape_changes = CONF_ROWS("changes", changes_rows);

static const struct conf_field rollback_all_rows[] = {
        CONF_ROW("change", UINT, "Right after this change; or", .min = 1, .max = API_NUMBER_MAX),
        CONF_ROW("time", TIME, "as it was at that time."),
};
const struct conf_object api_shape_rollback_all = CONF_ROWS("rollback", rollback_all_rows);

static const struct conf_field undone_rows[] = {
        CONF_ROW("kind", TEXT, "What kind of object.", .flags = CONF_REQUIRED, .max = 32),
        CONF_ROW("name", TEXT, "The name that it has then, or had.", .flags = CONF_REQUIRED,
                 .max = CONF_NAME_LONG),
        CONF_ROW("action", TEXT, "made, changed or deleted.", .flags = CONF_REQUIRED, .max = 16),
        CONF_ROW("diff", OBJECTS, "What differs from before, setting by setting.",
                 .flags = CONF_REQUIRED, .object = &difference),
};
static const struct conf_object undone = CONF_ROWS("undone", undone_rows);

static const struct conf_field rolled_back_rows[] = {
        CONF_ROW("checked", BOOL, "It was looked at only, and nothing was written.",
                 .flags = CONF_REQUIRED),
        CONF_ROW("notices", OBJECTS, "Worth knowing, and nothing that refuses.",
                 .flags = CONF_REQUIRED, .object = &notice),
        CONF_ROW("diff", OBJECTS, "The objects that were not as they were.", .flags = CONF_REQUIRED,
                 .object = &undone),
};
const struct conf_object api_shape_rolled_back = CONF_ROWS("rolled back", rolled_back_rows);
