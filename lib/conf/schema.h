/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema: one row a setting, from which documents are checked, struct config is filled,
 * canonical JSON and differences are made, and the reference and the JSON Schema are written.
 * A setting exists because it has a row here, and nowhere else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

/* How a value is written, and what it becomes in the struct. */
enum conf_type {
	CONF_TYPE_BOOL,        /* true, false -> bool */
	CONF_TYPE_UINT,        /* 42 -> uint32_t; min, max */
	CONF_TYPE_DURATION,    /* "30s" -> uint32_t milliseconds; min, max */
	CONF_TYPE_SIZE,        /* "64KiB" -> uint64_t bytes; min, max */
	CONF_TYPE_TIME,        /* "2027-01-31T00:00:00Z" -> int64_t, seconds since the epoch */
	CONF_TYPE_PORT,        /* 443 -> uint16_t, host order; min, max */
	CONF_TYPE_TEXT,        /* any text without control characters; max bytes */
	CONF_TYPE_NAME,        /* letters, digits, "_", "-", ".", space; max bytes */
	CONF_TYPE_NAME_STRICT, /* the same without "." (R85, R92) */
	CONF_TYPE_PATH,        /* absolute path */
	CONF_TYPE_PATHS,       /* list of absolute paths -> struct config_names */
	CONF_TYPE_INTERFACE,   /* name of a network interface */
	CONF_TYPE_ADDRESS,     /* -> struct addr */
	CONF_TYPE_CHOICE,      /* a word of `choices` -> its enumeration */
	CONF_TYPE_CHOICES,     /* list of such words -> uint32_t of CONFIG_BIT()s */
	CONF_TYPE_PREFIXES,    /* list of addresses and CIDR blocks -> struct config_prefixes */
	CONF_TYPE_PORTS,       /* list of ports and ranges -> struct config_ports */
	CONF_TYPE_VLANS,       /* list of VLANs and ranges -> struct config_vlans */
	CONF_TYPE_SUITES,      /* list of cipher suite names -> struct config_names */
	CONF_TYPE_NAMES,       /* list of text -> struct config_names */
	CONF_TYPE_REF,         /* name of an item of `ref` -> pointer to it */
	CONF_TYPE_REFS,        /* list of such names -> array of pointers and count */
	CONF_TYPE_OBJECT,      /* map -> the struct itself, in place */
	CONF_TYPE_OBJECTS,     /* list of maps -> array of structs and count; max items */
	CONF_TYPE_VARIABLES,   /* map of names to text -> array of config_variable and count */
	CONF_TYPE_ANY,         /* whatever it is; kept nowhere */
	CONF_TYPE_END
};

/* When a changed value takes effect (in conf_diff, `tps config diff` and the reference). */
enum conf_scope {
	CONF_SCOPE_LIVE,         /* at once, live sessions too */
	CONF_SCOPE_NEW_SESSIONS, /* for sessions that begin afterwards (R144) */
	CONF_SCOPE_RESTART,      /* when the daemon starts next */
};

/* What a name can refer to. */
enum conf_collection {
	CONF_NO_COLLECTION,
	CONF_SEGMENTS,
	CONF_CERTIFICATES,
	CONF_CA_CERTIFICATES,
	CONF_TRUST_STORES,
	CONF_SERVER_PROXIES,
	CONF_CLIENT_PROXIES,
	CONF_DECRYPTION_POLICIES,
	CONF_ACTION_SETS,
	CONF_PROFILES,
	CONF_COLLECTIONS
};

enum conf_flag {
	CONF_REQUIRED = 1 << 0,
	CONF_SECRET = 1 << 1,      /* never shown, not in an error either; never in an image */
	CONF_UNIQUE = 1 << 2,      /* OBJECTS: no two items of one name */
	CONF_UNAVAILABLE = 1 << 3, /* known, and refused by this build: `unavailable` says why */
	CONF_FILE = 1 << 4,  /* PATH, PATHS: a file whose public content goes into the image */
	CONF_EMPTY = 1 << 5, /* a list: written and empty is something else than not written */
	CONF_LINES = 1 << 6, /* TEXT: line ends may be in it, as in PEM */
	/* Of an object of the SMS alone: a document is refused with it. `unavailable` says why,
	 * `remedy` what a document has instead. */
	CONF_SMS_ONLY = 1 << 7,
	/* Of documents that the SMS makes: an object's body is refused with it. */
	CONF_SMS_MADE = 1 << 8,
};

enum { CONF_PLACE_MAX = 1000000000 }; /* of a virtual segment among others, in the SMS */

/* Value that is checked and kept nowhere. */
#define CONF_NOWHERE SIZE_MAX

struct conf_choice {
	const char *text;
	const char *help;
};

struct conf_choices {
	const char *name;
	const struct conf_choice *items; /* by value of the enumeration */
	size_t count;
};

struct conf_object;

struct conf_field {
	const char *name;
	enum conf_type type;
	unsigned flags;            /* of enum conf_flag */
	size_t offset;             /* in the object's struct, or CONF_NOWHERE */
	size_t width;              /* bytes there */
	uint64_t min, max;         /* by type */
	const char *why_max;       /* of a number; NULL: nothing to say */
	uint32_t allowed;          /* CHOICE, CHOICES: CONFIG_BIT()s that may be taken; 0: all */
	const char *fallback;      /* value when it is not written; NULL: none or empty */
	const char *fallback_help; /* how a default comes about that no text can give */
	const struct conf_choices *choices;
	const struct conf_object *object; /* OBJECT, OBJECTS */
	const void *builtin;              /* OBJECTS: items that stand before the document's */
	size_t builtin_count;
	enum conf_collection ref;        /* REF, REFS */
	enum conf_collection collection; /* OBJECTS: what its items are */
	enum conf_scope scope;
	uint32_t since;     /* version of the document in which the row came; 0: always there */
	const char *source; /* requirement: "R118"; ""; NULL: no setting, but of a request's body */
	const char *help;
	const char *unavailable;
	const char *remedy; /* CONF_SMS_ONLY */
};

struct conf_object {
	const char *name; /* "segment": for messages and the reference */
	const struct conf_field *fields;
	size_t count;
	size_t size;         /* of an item's struct; 0: kept nowhere */
	size_t index_offset; /* of its uint32_t index; 0: it has none */
};

/* The whole document; its struct is struct config. */
extern const struct conf_object conf_schema;

/* Items of its lists, for who keeps such items by themselves. */
extern const struct conf_object conf_object_trust_store;
extern const struct conf_object conf_object_server_proxy;
extern const struct conf_object conf_object_client_proxy;
extern const struct conf_object conf_object_decryption_policy;
extern const struct conf_object conf_object_action_set;
extern const struct conf_object conf_object_profile;
extern const struct conf_object conf_object_virtual_segment;

/* By name; NULL when there is none. */
const struct conf_field *conf_object_field(const struct conf_object *object, const char *name)
        SL_NONNULL(1, 2);

/* "bool", "duration", …; "live", "new sessions", "restart"; "segment", …: never NULL. */
const char *conf_type_name(enum conf_type type);
const char *conf_scope_name(enum conf_scope scope);
const char *conf_collection_name(enum conf_collection collection);

/* The sets of choices.def by name; NULL when there is none. */
const struct conf_choices *conf_choices_find(const char *name) SL_NONNULL(1);

/* The text of a value of a set: conf_choice_text("action", CONFIG_BLOCK). "?" when unknown. */
const char *conf_choice_text(const char *set, unsigned value) SL_NONNULL(1);
