/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of logins, tokens and the audit log. */
#include "smsd/api/call.h"
#include "smsd/api/shape.h"
#include "smsd/auth/audit.h"
#include "smsd/auth/auth.h"

enum {
	NAME_MAX_SENT = 4 * ACTOR_NAME_MAX,
	PASSWORD_MAX_SENT = 4 * AUTH_PASSWORD_MAX, /* bytes of so many characters */
};

static const struct conf_choice capability_words[] = {
#define X(NAME, name, source, help) [AUTH_##NAME] = {name, help},
#include "smsd/auth/capability.def"
#undef X
};

const struct conf_choices api_capabilities = {
        .name = "capability", .items = capability_words, .count = SL_ARRAY_LEN(capability_words)};

#define CAPABILITIES(key, text)                                                                    \
	CONF_ROW(key, CHOICES, text, .flags = CONF_REQUIRED, .choices = &api_capabilities)

static const struct conf_field login_rows[] = {
        CONF_ROW("name", TEXT, "Who.", .flags = CONF_REQUIRED, .max = NAME_MAX_SENT),
        CONF_ROW("password", TEXT, "The password.", .flags = CONF_REQUIRED | CONF_SECRET,
                 .max = PASSWORD_MAX_SENT),
};

const struct conf_object api_shape_login = CONF_ROWS("login", login_rows);

#define ME_ROWS                                                                                    \
	CONF_ROW("name", TEXT, "Who is logged in.", .flags = CONF_REQUIRED,                        \
	         .max = ACTOR_NAME_MAX - 1),                                                       \
	        CONF_ROW("via", TEXT, "\"session\" or \"token\".", .flags = CONF_REQUIRED,         \
	                 .max = 16),                                                               \
	        CONF_ROW("must_change", BOOL,                                                      \
	                 "The password has to be changed before anything else is served.",         \
	                 .flags = CONF_REQUIRED),                                                  \
	        CONF_ROW("capabilities", NAMES, "What this login or token may do.",                \
	                 .flags = CONF_REQUIRED, .max = AUTH_CAPABILITY_END)

static const struct conf_field me_rows[] = {ME_ROWS};

const struct conf_object api_shape_me = CONF_ROWS("me", me_rows);

static const struct conf_field session_rows[] = {
        ME_ROWS,
        CONF_ROW("csrf", TEXT,
                 "For X-Sluice-CSRF, with each request by this session that is no GET.",
                 .flags = CONF_REQUIRED, .max = AUTH_SECRET_MAX),
};

const struct conf_object api_shape_session = CONF_ROWS("session", session_rows);

static const struct conf_field password_rows[] = {
        CONF_ROW("old", TEXT, "The password that there is.", .flags = CONF_REQUIRED | CONF_SECRET,
                 .max = PASSWORD_MAX_SENT),
        CONF_ROW("new", TEXT, "12 to 256 characters.", .flags = CONF_REQUIRED | CONF_SECRET,
                 .max = PASSWORD_MAX_SENT),
};

const struct conf_object api_shape_password = CONF_ROWS("password", password_rows);

static const struct conf_field token_request_rows[] = {
        CONF_ROW("name", NAME, "One that no other token of yours has.", .flags = CONF_REQUIRED,
                 .max = AUTH_TOKEN_NAME_MAX - 1),
        CONF_ROW("scopes", CHOICES, "What it may do, of what you may; without it all of that.",
                 .choices = &api_capabilities),
        CONF_ROW("days", UINT, "How long it holds; 90 when nothing is said.", .min = 1,
                 .max = AUTH_TOKEN_DAYS_MAX, .fallback = "90"),
};

const struct conf_object api_shape_token_request = CONF_ROWS("token request", token_request_rows);

static const struct conf_field token_made_rows[] = {
        CONF_ROW("name", NAME, "Its name.", .flags = CONF_REQUIRED, .max = AUTH_TOKEN_NAME_MAX - 1),
        CONF_ROW("token", TEXT, "The token, shown this once.", .flags = CONF_REQUIRED,
                 .max = AUTH_SECRET_MAX),
};

const struct conf_object api_shape_token_made = CONF_ROWS("token", token_made_rows);

static const struct conf_field token_rows[] = {
        CONF_ROW("name", NAME, "Its name.", .flags = CONF_REQUIRED, .max = AUTH_TOKEN_NAME_MAX - 1),
        CAPABILITIES("scopes", "What it may do, as far as you may."),
        CONF_ROW("made", TIME, "When it was made.", .flags = CONF_REQUIRED),
        CONF_ROW("ends", TIME, "When it ends.", .flags = CONF_REQUIRED),
        CONF_ROW("used", TIME, "When it was used last, to the minute."),
};

static const struct conf_object token_object = CONF_ROWS("token", token_rows);

static const struct conf_field tokens_rows[] = {
        CONF_ROW("items", OBJECTS, "By name.", .flags = CONF_REQUIRED, .object = &token_object,
                 .max = AUTH_TOKENS_MAX),
};

const struct conf_object api_shape_tokens = CONF_ROWS("tokens", tokens_rows);

static const struct conf_field audit_line_rows[] = {
        CONF_ROW("id", UINT, "Counts up; `before` pages by it.", .flags = CONF_REQUIRED,
                 .max = API_NUMBER_MAX),
        CONF_ROW("time", TIME, "When.", .flags = CONF_REQUIRED),
        CONF_ROW("who", TEXT, "Name; \"smsd\" itself; \"\": nobody proved who it is.",
                 .flags = CONF_REQUIRED, .max = ACTOR_NAME_MAX - 1),
        CONF_ROW("from", TEXT, "Address.", .flags = CONF_REQUIRED, .max = ACTOR_FROM_MAX - 1),
        CONF_ROW("via", TEXT, "\"session\", \"token\", \"login\", \"smsd\".",
                 .flags = CONF_REQUIRED, .max = 16),
        CONF_ROW("action", TEXT, "What was done, or refused.", .flags = CONF_REQUIRED, .max = 64),
        CONF_ROW("kind", TEXT, "Of what.", .flags = CONF_REQUIRED, .max = 64),
        CONF_ROW("name", TEXT, "Its name.", .flags = CONF_REQUIRED, .max = 256),
        CONF_ROW("before", ANY, "What it was, where there was something."),
        CONF_ROW("after", ANY, "What it is now, where it is."),
};

static const struct conf_object audit_line_object = CONF_ROWS("audit line", audit_line_rows);

static const struct conf_field audit_rows[] = {
        CONF_ROW("items", OBJECTS, "Newest first.", .flags = CONF_REQUIRED,
                 .object = &audit_line_object, .max = API_PAGE_MAX),
};

const struct conf_object api_shape_audit = CONF_ROWS("audit", audit_rows);
