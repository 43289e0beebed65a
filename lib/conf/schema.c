/* SPDX-License-Identifier: Apache-2.0 */
/* The document as a whole, the words of its choices, and look-ups in the tables. */
#include "lib/conf/schema_priv.h"

#include <string.h>

/* clang-format off */
#define CHOICES(set) static const struct conf_choice items_##set[] = {
#define CHOICE(set, id, text, help) [CONFIG_##id] = {text, help},
#define CHOICES_END(set) }; const struct conf_choices conf_choices_##set = { \
	#set, items_##set, SL_ARRAY_LEN(items_##set)};
#include "lib/conf/choices.def"

static const struct conf_choices *const all_choices[] = {
#define CHOICES(set) &conf_choices_##set,
#define CHOICE(set, id, text, help)
#define CHOICES_END(set)
#include "lib/conf/choices.def"
};
/* clang-format on */

/* A list at the top: its items stand in struct config under `member` and `member`_count. */
#define TOP_LIST(key, member, obj, limit, what, when, req, text, ...)                              \
	FIELD(key, OBJECTS, config, member, when, req, text, .object = &(obj), .max = (limit),     \
	      .collection = (what), .flags = CONF_UNIQUE, __VA_ARGS__)

static const struct conf_field top_fields[] = {
        FIELD("version", UINT, config, version, LIVE, "R162",
              "Version of the document: what may be in it. The one before the newest is read, too.",
              .flags = CONF_REQUIRED, .min = CONF_VERSION_OLDEST, .max = CONF_VERSION),
        FIELD("device", OBJECT, config, device, RESTART, "", "The device itself.",
              .object = &conf_object_device),
        TOP_LIST("segments", segments, conf_object_segment, CONFIG_SEGMENTS_MAX, CONF_SEGMENTS,
                 RESTART, "R1", "Pairs of ports between which packets are forwarded.", .min = 0),
        TOP_LIST("inspection_bypass_rules", bypass_rules, conf_object_bypass_rule, 1000,
                 CONF_NO_COLLECTION, NEW_SESSIONS, "R12",
                 "Packets that are forwarded before all else. The first match counts.", .min = 0),
        TOP_LIST("certificates", certificates, conf_object_certificate, CONFIG_CERTIFICATES_MAX,
                 CONF_CERTIFICATES, NEW_SESSIONS, "R61, R69, R120",
                 "Certificates of the servers, with their private keys.", .min = 0),
        TOP_LIST("ca_certificates", ca_certificates, conf_object_ca_certificate, 1000,
                 CONF_CA_CERTIFICATES, NEW_SESSIONS, "R75", "CA certificates.", .min = 0),
        TOP_LIST("trust_stores", trust_stores, conf_object_trust_store, 256, CONF_TRUST_STORES,
                 NEW_SESSIONS, "R85", "Sets of CA certificates that servers are verified by.",
                 .min = 0),
        TOP_LIST("ssl_server_proxies", server_proxies, conf_object_server_proxy,
                 CONFIG_SERVER_PROXIES_MAX, CONF_SERVER_PROXIES, NEW_SESSIONS, "R118",
                 "Servers whose inbound TLS is inspected.", .min = 0),
        FIELD("ssl_client_proxies", OBJECTS, config, client_proxies, NEW_SESSIONS, "R92",
              "How outbound TLS is inspected.", .object = &conf_object_client_proxy,
              .max = CONFIG_CLIENT_PROXIES_MAX, .collection = CONF_CLIENT_PROXIES,
              .flags = CONF_UNIQUE, .min = 0),
        FIELD("decryption_policies", OBJECTS, config, decryption_policies, NEW_SESSIONS, "R105",
              "What outbound TLS is not decrypted.", .object = &conf_object_decryption_policy,
              .max = CONFIG_DECRYPTION_POLICIES_MAX, .collection = CONF_DECRYPTION_POLICIES,
              .flags = CONF_UNIQUE, .builtin = conf_builtin_decryption_policies,
              .builtin_count = SL_ARRAY_LEN(conf_builtin_decryption_policies)),
        TOP_LIST("action_sets", action_sets, conf_object_action_set, 256, CONF_ACTION_SETS,
                 NEW_SESSIONS, "", "What is done when a filter matches.",
                 .builtin = conf_builtin_action_sets,
                 .builtin_count = SL_ARRAY_LEN(conf_builtin_action_sets)),
        TOP_LIST("profiles", profiles, conf_object_profile, 256, CONF_PROFILES, NEW_SESSIONS,
                 "R129", "Policies and filters that virtual segments use.", .min = 0),
        TOP_LIST("virtual_segments", virtual_segments, conf_object_virtual_segment, 1000,
                 CONF_NO_COLLECTION, NEW_SESSIONS, "R166",
                 "Parts of segments and their profiles. The first match counts.", .min = 0),
        FIELD("ssl_inspection", OBJECT, config, ssl_inspection, NEW_SESSIONS, "R55",
              "Switches and times of SSL inspection.", .object = &conf_object_ssl_inspection),
        FIELD("limits", OBJECT, config, limits, NEW_SESSIONS, "R160", "Limits of the device.",
              .object = &conf_object_limits),
        FIELD("logging", OBJECT, config, logging, LIVE, "", "Where logs go.",
              .object = &conf_object_logging),
        KNOWN("sms", OBJECT, "", "Link to the management system.", .object = &conf_object_sms,
              .flags = CONF_UNAVAILABLE,
              .unavailable = "which SMS a device belongs to is said by 'tps sms enrol'"),
};

const struct conf_object conf_schema = {
        .name = "document", OBJECT_OF(top_fields), .size = sizeof(struct config)};

const struct conf_field *conf_object_field(const struct conf_object *object, const char *name)
{
	for (size_t i = 0; i < object->count; i++)
		if (strcmp(object->fields[i].name, name) == 0)
			return &object->fields[i];
	return NULL;
}

const char *conf_type_name(enum conf_type type)
{
	static const char *const names[CONF_TYPE_END] = {
	        [CONF_TYPE_BOOL] = "true or false",
	        [CONF_TYPE_UINT] = "number",
	        [CONF_TYPE_DURATION] = "duration",
	        [CONF_TYPE_SIZE] = "size",
	        [CONF_TYPE_TIME] = "time",
	        [CONF_TYPE_PORT] = "port",
	        [CONF_TYPE_TEXT] = "text",
	        [CONF_TYPE_NAME] = "name",
	        [CONF_TYPE_NAME_STRICT] = "name",
	        [CONF_TYPE_PATH] = "path",
	        [CONF_TYPE_PATHS] = "list of paths",
	        [CONF_TYPE_INTERFACE] = "network interface",
	        [CONF_TYPE_ADDRESS] = "address",
	        [CONF_TYPE_CHOICE] = "word",
	        [CONF_TYPE_CHOICES] = "list of words",
	        [CONF_TYPE_PREFIXES] = "list of addresses",
	        [CONF_TYPE_PORTS] = "list of ports",
	        [CONF_TYPE_VLANS] = "list of VLANs",
	        [CONF_TYPE_SUITES] = "list of cipher suites",
	        [CONF_TYPE_NAMES] = "list of text",
	        [CONF_TYPE_REF] = "name of an item",
	        [CONF_TYPE_REFS] = "list of names of items",
	        [CONF_TYPE_OBJECT] = "map",
	        [CONF_TYPE_OBJECTS] = "list of maps",
	        [CONF_TYPE_VARIABLES] = "map of names to text",
	        [CONF_TYPE_ANY] = "value",
	};

	return (unsigned)type < CONF_TYPE_END && names[type] ? names[type] : "?";
}

const char *conf_scope_name(enum conf_scope scope)
{
	static const char *const names[] = {"live", "new sessions", "restart"};

	return (unsigned)scope < SL_ARRAY_LEN(names) ? names[scope] : "?";
}

const char *conf_collection_name(enum conf_collection collection)
{
	static const char *const names[CONF_COLLECTIONS] = {
	        "item",        "segment",      "certificate",  "CA certificate",
	        "trust store", "server proxy", "client proxy", "decryption policy",
	        "action set",  "profile"};

	return (unsigned)collection < CONF_COLLECTIONS ? names[collection] : "?";
}

const struct conf_choices *conf_choices_find(const char *name)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(all_choices); i++)
		if (strcmp(all_choices[i]->name, name) == 0)
			return all_choices[i];
	return NULL;
}

const char *conf_choice_text(const char *set, unsigned value)
{
	const struct conf_choices *choices = conf_choices_find(set);

	return choices && value < choices->count ? choices->items[value].text : "?";
}
