/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of uploads and files. */
#include "smsd/api/shape.h"
#include "smsd/object/blob.h"
#include "smsd/object/object.h"

static const struct conf_choice content_words[] = {
#define X(NAME, name) {name, ""},
        BLOB_CONTENTS(X)
#undef X
};
static const struct conf_choices contents = {"content", content_words, SL_ARRAY_LEN(content_words)};

#define UPLOAD_ROW                                                                                 \
	CONF_ROW("upload", UINT, "Id of the upload; all its bytes are here.",                      \
	         .flags = CONF_REQUIRED, .max = API_NUMBER_MAX)
#define COMMENT_ROW CONF_ROW("comment", TEXT, "Why, for the history.", .max = OBJECT_COMMENT_MAX)

static const struct conf_field upload_rows[] = {
        CONF_ROW("id", UINT, "What it is called.", .flags = CONF_REQUIRED, .max = API_NUMBER_MAX),
        CONF_ROW("size", UINT, "Bytes that are here: the offset of the next ones.",
                 .flags = CONF_REQUIRED, .max = BLOB_FILE_MAX),
        CONF_ROW("piece", UINT, "Bytes sent at once are a multiple of this, but the last.",
                 .flags = CONF_REQUIRED, .max = BLOB_PIECE_MAX),
};
const struct conf_object api_shape_upload = CONF_ROWS("upload", upload_rows);

static const struct conf_field make_rows[] = {
        CONF_ROW("name", NAME, "Its name; settings have /files/NAME.", .flags = CONF_REQUIRED,
                 .max = CONF_NAME_LONG),
        CONF_ROW("content", CHOICE, "What it is; checked.", .flags = CONF_REQUIRED,
                 .choices = &contents),
        UPLOAD_ROW,
        COMMENT_ROW,
};
const struct conf_object api_shape_file_make = CONF_ROWS("file", make_rows);

static const struct conf_field replace_rows[] = {UPLOAD_ROW, COMMENT_ROW};
const struct conf_object api_shape_file_replace = CONF_ROWS("file", replace_rows);

static const struct conf_field file_rows[] = {
        CONF_ROW("name", TEXT, "Its name.", .flags = CONF_REQUIRED, .max = CONF_NAME_LONG),
        CONF_ROW("content", TEXT, "What it is.", .flags = CONF_REQUIRED, .max = 16),
        CONF_ROW("size", UINT, "Bytes.", .flags = CONF_REQUIRED, .max = BLOB_FILE_MAX),
        CONF_ROW("sha256", TEXT, "Of its bytes.", .flags = CONF_REQUIRED, .max = 64),
        CONF_ROW("revision", UINT, "Counts its changes.", .flags = CONF_REQUIRED,
                 .max = API_NUMBER_MAX),
        CONF_ROW("changed", TIME, "When it was changed last.", .flags = CONF_REQUIRED),
};
const struct conf_object api_shape_file = CONF_ROWS("file", file_rows);

static const struct conf_field page_rows[] = {
        CONF_ROW("items", OBJECTS, "By name.", .flags = CONF_REQUIRED, .object = &api_shape_file),
        CONF_ROW("next", TEXT, "What `after` is for the next page; empty at the end.",
                 .flags = CONF_REQUIRED, .max = CONF_NAME_LONG),
};
const struct conf_object api_shape_files = CONF_ROWS("page", page_rows);
