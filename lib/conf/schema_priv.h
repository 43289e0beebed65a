/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables of the schema are written with; nothing outside lib/conf includes this. */
#pragma once

#include "lib/conf/config.h"
#include "lib/conf/name.h"
#include "lib/conf/schema.h"
#include "lib/conf/version.h"

/* clang-format off */
#define CHOICES(set) extern const struct conf_choices conf_choices_##set;
#define CHOICE(set, id, text, help)
#define CHOICES_END(set)
#include "lib/conf/choices.def"
/* clang-format on */

/* A row whose value goes to member `at` of struct `obj`. */
#define FIELD(key, kind, obj, at, when, req, text, ...)                                            \
	{                                                                                          \
		.name = (key), .type = CONF_TYPE_##kind, .offset = offsetof(struct obj, at),       \
		.width = sizeof(((struct obj *)0)->at), .scope = CONF_SCOPE_##when,                \
		.source = (req), .help = (text), __VA_ARGS__                                       \
	}

/* Of a number of flows, or of sessions, of which each has an entry in that table. */
#define IN_TABLE .max = CONFIG_FLOWS_MAX, .why_max = "the kernel's table of flows holds no more"

/* A row that is checked, and kept nowhere. */
#define KNOWN(key, kind, req, text, ...)                                                           \
	{                                                                                          \
		.name = (key), .type = CONF_TYPE_##kind, .offset = CONF_NOWHERE,                   \
		.scope = CONF_SCOPE_NEW_SESSIONS, .source = (req), .help = (text), __VA_ARGS__     \
	}

/* A policy that a child profile has of an ancestor, or in the place of one of his: both have its
 * name (R113). */
#define INHERITED_FROM                                                                             \
	KNOWN("inherited_from", NAME, "R112, R113",                                                \
	      "Profile that the policy is of, which one of the same name inherits or overrides. "  \
	      "Written by the management system.",                                                 \
	      .max = NAME_MAX_LONG, .flags = CONF_SMS_MADE)

/* A failure class (R155): its place in on_failure[] is its number. What the class can be set to
 * follows from its default: only one that allows has something to allow. */
#define FAILURE_ROW(id, key, usual, text, follows)                                                 \
	{                                                                                          \
	        .name = (key),                                                                     \
	        .type = CONF_TYPE_CHOICE,                                                          \
	        .offset = FAILURE_##id * sizeof(enum config_action),                               \
	        .width = sizeof(enum config_action),                                               \
	        .choices = &conf_choices_action,                                                   \
	        .allowed = CLASS_##usual,                                                          \
	        .fallback = CLASS_DEFAULT_##usual,                                                 \
	        .fallback_help = (follows),                                                        \
	        .scope = CONF_SCOPE_NEW_SESSIONS,                                                  \
	        .source = "R155",                                                                  \
	        .help = (text),                                                                    \
	},

/* The switch that a class of a proxy of either kind follows where the map does not name it. */
#define FAILURE_FOLLOWS(id)                                                                        \
	(FAILURE_##id == FAILURE_OVERLOAD ? "as on_overload"                                       \
	 : FAILURE_##id == FAILURE_KEYS   ? "as on_keys_unavailable"                               \
	                                  : NULL)

#define CLASS_DEFAULT_BYPASS "bypass"
#define CLASS_DEFAULT_BLOCK  "block"
#define CLASS_DEFAULT_ALLOW  "allow"

#define OBJECT_OF(table) .fields = (table), .count = SL_ARRAY_LEN(table)

enum {
	BYPASS_OR_BLOCK = CONFIG_BIT(CONFIG_BYPASS) | CONFIG_BIT(CONFIG_BLOCK),
	CLASS_BYPASS = BYPASS_OR_BLOCK,
	CLASS_BLOCK = BYPASS_OR_BLOCK,
	CLASS_ALLOW = BYPASS_OR_BLOCK | CONFIG_BIT(CONFIG_ALLOW),
	NAME_MAX_SHORT = CONF_NAME_SHORT,
	NAME_MAX_LONG = CONF_NAME_LONG,
	DESCRIPTION_MAX = 512,
	CONTACT_MAX = 255,
	PATH_LEN_MAX = 1024,
	LIST_MAX = 4096,
	SECOND_MS = 1000,
	MINUTE_MS = 60 * SECOND_MS,
	HOUR_MS = 60 * MINUTE_MS,
	DAY_MS = 24 * HOUR_MS,
};

extern const struct conf_object conf_object_device;
extern const struct conf_object conf_object_segment;
extern const struct conf_object conf_object_bypass_rule;
extern const struct conf_object conf_object_certificate;
extern const struct conf_object conf_object_ca_certificate;
extern const struct conf_object conf_object_tls_side;
extern const struct conf_object conf_object_client_policy;
extern const struct conf_object conf_object_ssl_inspection;
extern const struct conf_object conf_object_limits;
extern const struct conf_object conf_object_logging;
extern const struct conf_object conf_object_sms;

/* permit, permit-notify, block, block-notify. */
extern const struct config_action_set conf_builtin_action_sets[CONFIG_BUILTIN_ACTION_SETS];

/* "Default", with the domains of default_decryption.def. */
extern const struct config_decryption_policy
        conf_builtin_decryption_policies[CONFIG_BUILTIN_DECRYPTION_POLICIES];
