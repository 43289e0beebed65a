/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the schema: action sets, profiles with their policies and filters, virtual segments. */
#include "lib/conf/schema_priv.h"

const struct config_action_set conf_builtin_action_sets[CONFIG_BUILTIN_ACTION_SETS] = {
        {.name = "permit", .index = 0, .action = CONFIG_VERB_PERMIT},
        {.name = "permit-notify", .index = 1, .action = CONFIG_VERB_PERMIT, .notify = true},
        {.name = "block", .index = 2, .action = CONFIG_VERB_BLOCK},
        {.name = "block-notify", .index = 3, .action = CONFIG_VERB_BLOCK, .notify = true},
};

static const struct conf_field action_set_fields[] = {
        FIELD("name", NAME, config_action_set, name, NEW_SESSIONS, "",
              "Name of the action set. permit, permit-notify, block and block-notify are there "
              "already; one of these names takes their place.",
              .flags = CONF_REQUIRED, .max = NAME_MAX_SHORT),
        FIELD("action", CHOICE, config_action_set, action, NEW_SESSIONS, "",
              "What becomes of a stream that matches.", .flags = CONF_REQUIRED,
              .choices = &conf_choices_verb),
        FIELD("notify", BOOL, config_action_set, notify, NEW_SESSIONS, "", "Write an event.",
              .fallback = "true"),
        FIELD("tcp_reset", CHOICE, config_action_set, tcp_reset, NEW_SESSIONS, "R99, R124, R166",
              "Ends that get a TCP reset when a stream is blocked.", .choices = &conf_choices_reset,
              .fallback = "none"),
};

const struct conf_object conf_object_action_set = {
        .name = "action set",
        OBJECT_OF(action_set_fields),
        .size = sizeof(struct config_action_set),
        .index_offset = offsetof(struct config_action_set, index)};

static const struct conf_field server_policy_fields[] = {
        FIELD("name", NAME_STRICT, config_server_policy, common.name, NEW_SESSIONS, "R113, R128",
              "Name of the policy, unique among all policies of all profiles.",
              .flags = CONF_REQUIRED, .max = NAME_MAX_LONG),
        FIELD("state", CHOICE, config_server_policy, common.state, NEW_SESSIONS, "R114",
              "Whether it works.", .choices = &conf_choices_state, .fallback = "on"),
        FIELD("locked", BOOL, config_server_policy, common.locked, LIVE, "R112, R127",
              "Only users with the capability for it may change the policy.", .fallback = "false"),
        FIELD("proxy", REF, config_server_policy, proxy, NEW_SESSIONS, "R127",
              "Server proxy whose servers are inspected.", .flags = CONF_REQUIRED,
              .ref = CONF_SERVER_PROXIES),
        FIELD("source_exceptions", PREFIXES, config_server_policy, source_exceptions, NEW_SESSIONS,
              "R128", "Clients whose flows are not decrypted.", .max = LIST_MAX),
        INHERITED_FROM,
};

static const struct conf_object server_policy_object = {
        .name = "server policy",
        OBJECT_OF(server_policy_fields),
        .size = sizeof(struct config_server_policy)};

static const struct conf_field filters_fields[] = {
        FIELD("rules", PATH, config_filters, rules, NEW_SESSIONS, "",
              "File of rules in the Suricata language.", .flags = CONF_REQUIRED | CONF_FILE,
              .max = PATH_LEN_MAX),
        FIELD("sha256", TEXT, config_filters, sha256, NEW_SESSIONS, "",
              "SHA-256 of that file in hexadecimal; another text is refused.", .max = 64,
              .fallback = ""),
        FIELD("action_set", REF, config_filters, action_set, NEW_SESSIONS, "",
              "Action set for all rules of the file.", .ref = CONF_ACTION_SETS,
              .fallback_help = "each rule's own action"),
};

static const struct conf_object filters_object = {
        .name = "filter", OBJECT_OF(filters_fields), .size = sizeof(struct config_filters)};

static const struct conf_field profile_fields[] = {
        FIELD("name", NAME, config_profile, name, NEW_SESSIONS, "R129", "Name of the profile.",
              .flags = CONF_REQUIRED, .max = NAME_MAX_LONG),
        KNOWN("parent", REF, "R112, R113",
              "Profile whose policies, filters and variables this one has too.",
              .ref = CONF_PROFILES, .flags = CONF_SMS_ONLY,
              .unavailable = "a device knows no inheritance",
              .remedy = "write the parent's policies, filters and variables into this profile, as "
                        "the management system does"),
        FIELD("ssl_server_policies", OBJECTS, config_profile, server_policies, NEW_SESSIONS, "R127",
              "SSL server policies.", .object = &server_policy_object, .max = 1000),
        FIELD("ssl_client_policies", OBJECTS, config_profile, client_policies, NEW_SESSIONS, "R112",
              "SSL client policies.", .object = &conf_object_client_policy, .max = 1000, .min = 0),
        FIELD("filters", OBJECTS, config_profile, filters, NEW_SESSIONS, "R12, R13",
              "Filters that read the decrypted stream, in order.", .object = &filters_object,
              .max = 256),
        FIELD("variables", VARIABLES, config_profile, variables, NEW_SESSIONS, "",
              "Variables of the rules, such as HOME_NET.", .max = 256),
};

const struct conf_object conf_object_profile = {.name = "profile",
                                                OBJECT_OF(profile_fields),
                                                .size = sizeof(struct config_profile),
                                                .index_offset =
                                                        offsetof(struct config_profile, index)};

static const struct conf_field virtual_segment_fields[] = {
        FIELD("name", NAME, config_virtual_segment, name, NEW_SESSIONS, "R166",
              "Name of the virtual segment.", .flags = CONF_REQUIRED, .max = NAME_MAX_LONG),
        KNOWN("place", UINT, "R166",
              "Place among the virtual segments: the first that matches counts. Those of one place "
              "come by name.",
              .min = 1, .max = CONF_PLACE_MAX, .fallback_help = "behind all that have a place",
              .flags = CONF_SMS_ONLY, .unavailable = "a document has its virtual segments in order",
              .remedy = "leave it out, and put the virtual segment where it belongs"),
        FIELD("segment", REF, config_virtual_segment, segment, NEW_SESSIONS, "R129",
              "Segment it is a part of.", .flags = CONF_REQUIRED, .ref = CONF_SEGMENTS),
        FIELD("direction", CHOICE, config_virtual_segment, direction, NEW_SESSIONS, "R129, R131",
              "Way of the packets.", .choices = &conf_choices_direction, .fallback = "both"),
        FIELD("vlans", VLANS, config_virtual_segment, vlans, NEW_SESSIONS, "R166",
              "VLANs and ranges of them, or the word untagged; none named: all.", .max = LIST_MAX),
        FIELD("sources", PREFIXES, config_virtual_segment, sources, NEW_SESSIONS, "R166",
              "Source addresses and CIDR blocks; none named: all.", .max = LIST_MAX),
        FIELD("destinations", PREFIXES, config_virtual_segment, destinations, NEW_SESSIONS, "R166",
              "Destination addresses and CIDR blocks; none named: all.", .max = LIST_MAX),
        FIELD("profile", REF, config_virtual_segment, profile, NEW_SESSIONS, "R129",
              "Profile that its packets are treated by.", .flags = CONF_REQUIRED,
              .ref = CONF_PROFILES),
};

const struct conf_object conf_object_virtual_segment = {
        .name = "virtual segment",
        OBJECT_OF(virtual_segment_fields),
        .size = sizeof(struct config_virtual_segment),
        .index_offset = offsetof(struct config_virtual_segment, index)};
