/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as the processes use it: built from a checked document, never changed
 * afterwards, counted. A session keeps the one it began under (R144), so old and new ones live
 * side by side. `control` builds it from files, workers and `wire` from the image (image.h).
 *
 * Everything hangs together by pointers into the same config: a policy's `proxy` points into
 * `server_proxies`. They are valid as long as you hold a reference. Strings are never NULL: an
 * unset one is "". Lists in document order, which is the order of matching (R166). Ports are in
 * host order, durations in milliseconds, sizes in bytes. What each key may hold, its limits and
 * default stand in schema.c and docs/configuration.md.
 *
 * A config belongs to one thread: the count is not atomic.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/addr.h"
#include "lib/base/attr.h"
#include "lib/conf/failure.h"

struct conf_errors;
struct conf_node;

/* enum config_action { CONFIG_BYPASS, CONFIG_BLOCK, CONFIG_ALLOW }, …: see choices.def. */
/* clang-format off */
#define CHOICES(set) enum config_##set {
#define CHOICE(set, id, text, help) CONFIG_##id,
#define CHOICES_END(set) };
#include "lib/conf/choices.def"
/* clang-format on */

/* A set of choices of one enumeration, as bits. */
#define CONFIG_BIT(choice) (1u << (choice))

enum {
	CONFIG_PORT_NAME_MAX = 16, /* bytes of an interface name, NUL included */
	CONFIG_SEGMENTS_MAX = 64,
	CONFIG_CERTIFICATES_MAX = 1000, /* R120 */
	CONFIG_KEY_ID = 32,             /* bytes: SHA-256 of a SubjectPublicKeyInfo */
	CONFIG_SERVER_PROXIES_MAX = 1000,
	CONFIG_CLIENT_PROXIES_MAX = 256,
	CONFIG_DECRYPTION_POLICIES_MAX = 256,
	CONFIG_BUILTIN_ACTION_SETS = 4,         /* first in config.action_sets */
	CONFIG_BUILTIN_DECRYPTION_POLICIES = 1, /* first in config.decryption_policies (R105) */
};

struct config_port_range {
	uint16_t first, last; /* host order, inclusive */
};

struct config_vlan_range {
	uint16_t first, last; /* inclusive, 1 to 4094; both 0: untagged packets */
};

/* Lists: NULL and 0 when the document names none. */
struct config_ports {
	const struct config_port_range *items;
	size_t count;
};
struct config_vlans {
	const struct config_vlan_range *items;
	size_t count;
};
struct config_prefixes {
	const struct addr_prefix *items; /* as 16 bytes: an IPv4 /24 has prefix_len 120 */
	size_t count;
};
struct config_names {
	const char *const *items;
	size_t count;
};

struct config_device {
	const char *name;             /* of this device in logs and on the SMS */
	const char *contact;          /* whom users ask, for block pages; "": their administrator */
	uint32_t workers;             /* 0: one a core */
	bool asymmetric_network;      /* R9: refused together with ssl_inspection.server */
	bool web_mode;                /* R10: the same */
	bool vlan_translation;        /* R11: the same */
	const char *default_ca_file;  /* PEM: the default CA certificates (R78) */
	const char *category_package; /* path: signed categories of names; "": none (R40) */
	struct config_names package_keys; /* paths: public keys that sign packages */
	const char *licence_keys;         /* path: public keys of the authority; "": none (R36) */
	struct {
		struct addr address; /* of the Prometheus listener */
		uint16_t port;       /* 0: no listener */
	} metrics;
};

struct config_segment {
	const char *name;
	uint32_t index;                 /* in config.segments */
	const char *port_a, *port_b;    /* interface names, below CONFIG_PORT_NAME_MAX bytes */
	enum config_action on_failure;  /* inspection is dead: watched flows BYPASS or BLOCK */
	enum config_action on_overload; /* a limit is reached: new flows BYPASS or BLOCK (R145) */
	enum config_pass uninspectable; /* IPv6, QinQ, GTP, GRE options, nesting (R5, R7, R8) */
	bool reclaim;                   /* reset uninspected flows when inspection returns */
	uint32_t midstream_grace_ms;    /* after start or fallback flows without entry pass */
	enum config_pass midstream;     /* … and afterwards those of watched tuples (R159) */
	enum config_pass asymmetric;    /* flows whose return path is not seen (R159) */
	enum config_link_sync link_down_sync; /* R158 */
	uint32_t link_down_wait_ms;           /* for CONFIG_LINK_WAIT */
	struct {
		uint32_t sessions; /* inspected at once; 0: no bound but the device's */
	} limits;
};

/* Before all else (R12). Empty lists match everything. */
struct config_bypass_rule {
	const char *name;
	const struct config_segment *const *segments;
	size_t segments_count;
	struct config_vlans vlans;
	enum config_tunnel tunnel;
	struct config_prefixes sources, destinations;
	enum config_protocol protocol;
	struct config_ports source_ports, destination_ports;
};

/* Paths are as written. Only `keys` reads private_key; others get public parts by the image. */
struct config_certificate {
	const char *name;
	uint32_t index;          /* in config.certificates */
	const char *certificate; /* path; for PKCS12 the one file */
	const char *private_key; /* path; "" for PKCS12, or when the key is in `certificate` */
	const char *key_id; /* hexadecimal: the management system sends the key; "": from a file */
	enum config_format format; /* of both files */
	const char *password_file; /* path; its first line; "" when nothing is encrypted */
	const char *chain; /* path: intermediates, PEM; "" none but those in `certificate` */
};

struct config_ca_certificate {
	const char *name;
	uint32_t index;
	const char *certificate; /* path: PEM or DER, one or more certificates */
};

struct config_trust_store {
	const char *name;
	uint32_t index;
	const char *description;
	const struct config_ca_certificate *const *ca_certificates;
	size_t ca_certificates_count;
	bool include_default_ca_certificates; /* R87 */
	struct config_names crls;             /* paths: revocation lists, PEM or DER */
};

/* Selections of one leg (R42-R51): sets of choices as CONFIG_BIT()s, presets filled in, none 0. */
struct config_tls_side {
	uint32_t protocols;                    /* of enum config_tls_protocol; contiguous (R43) */
	uint32_t key_exchange;                 /* of enum config_key_exchange */
	uint32_t authentication;               /* of enum config_authentication */
	uint32_t bulk;                         /* of enum config_bulk */
	uint32_t mac;                          /* of enum config_mac */
	struct config_names deselected_suites; /* IANA names (R51); suite.h makes the list */
};

/* Which of the two kinds of SSL inspection a proxy, and so a policy, is for. */
enum config_proxy_kind { CONFIG_PROXY_SERVER, CONFIG_PROXY_CLIENT };

/* What server and client proxies have in common: all that a session asks of a proxy but who its
 * ends are. */
struct config_proxy {
	const char *name;
	uint32_t index; /* in config.server_proxies or config.client_proxies */
	enum config_proxy_kind kind;
	struct config_ports detection_ports; /* R97, R118; at least one */
	enum config_service decrypted_service;
	enum config_preset preset;
	/* The legs' selections. A client proxy's are the same: its legs are tied (R27). */
	struct config_tls_side client_side, server_side;
	bool logging;                           /* full records of every session (R98, R123) */
	bool tcp_reset;                         /* for blocked sessions: to the server of a server
	                                           proxy (R124), to a client proxy's client (R99) */
	bool block_page;                        /* for HTTP/1 requests that a filter blocks */
	bool downgrade_http2;                   /* R102, R125 */
	bool encrypt_then_mac;                  /* R28 */
	enum config_action on_overload;         /* BYPASS or BLOCK */
	enum config_action on_keys_unavailable; /* R57: BYPASS or BLOCK */
	enum config_action on_failure[FAILURE_END]; /* R155: by enum failure_class; [0] unused */
	uint32_t no_handshake_timeout_ms;           /* R21, R154 */
};

struct config_server_proxy {
	struct config_proxy common;
	struct config_prefixes destinations;                  /* R118; at least one */
	const struct config_certificate *const *certificates; /* R120; at least one */
	size_t certificates_count;
	const struct config_certificate *default_certificate; /* one of them; unknown or no SNI */
	uint32_t rekey_interval_ms; /* R121: fastest renegotiation accepted; 0: none is */
	bool compression;           /* R122 */
	const struct config_trust_store *server_trust; /* R167; NULL: by certificate key only */
	enum config_mismatch on_server_mismatch;       /* R167 */
};

/* Outbound TLS. Any destination but those that a server policy names (R32). */
struct config_client_proxy {
	struct config_proxy common;
	const char *description;
	const struct config_certificate
	        *signing_certificate; /* R93: a CA certificate with its key */
	/* R153: takes its place from `successor_from` on; NULL: none. */
	const struct config_certificate *successor;
	int64_t successor_from; /* seconds since the epoch */
	enum config_action
	        on_signing_certificate;  /* it cannot be used now (R153): BYPASS or BLOCK */
	uint32_t minimum_key_length;     /* R96: bits of RSA keys; 0: any */
	bool block_invalid_certificates; /* R100 */
	bool block_expired_certificates; /* R101 */
	enum config_pass quic;           /* UDP to the detection ports */
};

struct config_decryption_policy {
	const char *name;
	uint32_t index;                         /* in config.decryption_policies */
	enum config_decide_by decide_by;        /* R26, R168 */
	struct config_names categories;         /* R106: not decrypted */
	struct config_names category_overrides; /* R108: domains decrypted anyway */
	struct config_names domains;            /* R109: not decrypted */
	/* Files of further domains, one a line; their text is in the image. "": none (R110). */
	const char *category_overrides_file, *domains_file;
};

struct config_action_set {
	const char *name;
	uint32_t index;
	enum config_verb action;
	bool notify; /* an alert event is wanted */
	enum config_reset tcp_reset;
};

/* What both kinds of SSL policies have in common. */
struct config_policy {
	const char *name;
	enum config_state state; /* R114 */
	bool locked;             /* R112, R127 */
};

struct config_server_policy {
	struct config_policy common;
	const struct config_server_proxy *proxy;
	struct config_prefixes source_exceptions; /* R128: not decrypted */
};

struct config_client_policy {
	struct config_policy common;
	const struct config_client_proxy *proxy;
	const struct config_decryption_policy
	        *decryption_policy; /* NULL: everything is decrypted */
	const struct config_trust_store
	        *trust_store; /* R88, R115; NULL: the default CA certificates */
	struct config_prefixes never_decrypt_sources, always_decrypt_sources; /* R116 */
};

struct config_filters {
	const char *rules;  /* path of a file of rules; its text is in the image */
	const char *sha256; /* hexadecimal, of that file; "" when any text will do */
	const struct config_action_set *action_set; /* NULL: by each rule's own action */
};

struct config_variable {
	const char *name;  /* "HOME_NET" */
	const char *value; /* "[10.0.0.0/8]" */
};

struct config_profile {
	const char *name;
	uint32_t index; /* in config.profiles */
	const struct config_server_policy *server_policies;
	size_t server_policies_count;
	const struct config_client_policy *client_policies;
	size_t client_policies_count;
	const struct config_filters *filters;
	size_t filters_count;
	const struct config_variable *variables;
	size_t variables_count;
};

/* First match in document order (R166). Empty lists match everything. */
struct config_virtual_segment {
	const char *name;
	uint32_t index; /* in config.virtual_segments */
	const struct config_segment *segment;
	enum config_direction direction;
	struct config_vlans vlans;
	struct config_prefixes sources, destinations; /* of the packet in that direction */
	const struct config_profile *profile;
};

struct config_ssl_inspection {
	bool server;                       /* R56 */
	bool client;                       /* R56 */
	bool persist_private_keys;         /* R57: true is refused by this build */
	uint32_t hello_timeout_ms;         /* first byte to complete ClientHello */
	uint32_t incomplete_hello_wait_ms; /* a started ClientHello is taken after this long */
	uint32_t handshake_timeout_ms;     /* take to both legs up */
	uint32_t idle_timeout_ms;          /* a relay without a byte in either direction */
	uint32_t close_timeout_ms;         /* one end has closed, the other says nothing */
	uint32_t key_timeout_ms;           /* an answer of `keys` */
	bool resumption;                   /* on both legs */
	uint32_t resumption_lifetime_ms;   /* of tickets and cached sessions */
	uint32_t server_session_cache;     /* sessions a worker keeps for server legs */
	bool session_clear_on_fallback;    /* R24: a commanded fallback clears live sessions */
	enum config_http2 http2_prior_knowledge;
	enum config_hold on_hold_limit; /* the engine wants more than limits.hold_buffer */
};

enum { CONFIG_FLOWS_MAX = 1 << 20 }; /* WIRE_FLOWS_MAX of bpf/abi.h */

/* 0: no bound of its own, where a phrase says so. */
struct config_limits {
	uint32_t sessions;                 /* inspected at once (R145) */
	uint32_t sessions_per_source;      /* by client address; 0: no bound */
	uint32_t sessions_per_destination; /* by server address and port; 0: no bound */
	uint32_t handshakes;               /* unfinished at once (R160) */
	uint32_t decision_age_ms;          /* oldest held ClientHello without an answer (R160) */
	uint32_t hysteresis_percent;       /* a threshold is left this far below it */
	uint32_t flows;                    /* watched and diverted flow entries */
	uint32_t held_packets;             /* packets held at once */
	uint32_t held_packets_per_flow;
	uint64_t held_bytes;     /* of held packets */
	uint32_t fragments;      /* fragments waiting for their like */
	uint64_t fragment_bytes; /* of those */
	uint32_t fragment_timeout_ms;
	uint32_t forged_leaves; /* kept by each worker; by `keys` twice */
	uint64_t hello_size;    /* longest ClientHello */
	uint64_t hold_buffer;   /* bytes a direction that the engine holds back */
	uint64_t http_header;   /* of one HTTP header block */
	uint64_t decoded_body;  /* of one HTTP body after decoding */
	uint32_t decode_ratio;  /* decoded by encoded size; more is a bomb */
	uint64_t socket_buffer; /* of each socket in each direction */
	uint32_t rules;         /* loaded a profile */
};

struct config_syslog {
	struct addr address;
	uint16_t port;
	enum config_transport protocol;
	uint32_t kinds; /* CONFIG_BIT()s of enum config_event_kind; all when none is named */
};

struct config_logging {
	const char *directory; /* "": /var/log/sluice/INSTANCE */
	uint64_t rotate_size;  /* a file is closed at this size */
	uint32_t rotate_count; /* closed files kept a kind */
	enum config_level level;
	const struct config_syslog *syslog;
	size_t syslog_count;
};

struct config {
	uint32_t magic;
	uint32_t version; /* of the document (version.h) */
	struct config_device device;
	const struct config_segment *segments;
	size_t segments_count;
	const struct config_bypass_rule *bypass_rules;
	size_t bypass_rules_count;
	const struct config_certificate *certificates;
	size_t certificates_count;
	const struct config_ca_certificate *ca_certificates;
	size_t ca_certificates_count;
	const struct config_trust_store *trust_stores;
	size_t trust_stores_count;
	const struct config_server_proxy *server_proxies;
	size_t server_proxies_count;
	const struct config_client_proxy *client_proxies;
	size_t client_proxies_count;
	const struct config_decryption_policy *decryption_policies; /* "Default" comes first */
	size_t decryption_policies_count;
	const struct config_action_set *action_sets; /* the four built-in ones come first */
	size_t action_sets_count;
	const struct config_profile *profiles;
	size_t profiles_count;
	const struct config_virtual_segment *virtual_segments;
	size_t virtual_segments_count;
	struct config_ssl_inspection ssl_inspection;
	struct config_limits limits;
	struct config_logging logging;

	uint64_t revision;          /* of the image it was built from; 0: from a file */
	uint8_t sha256[32];         /* of the canonical document (canon.h) */
	struct config_store *store; /* the memory of all this; private */
};

/*
 * Checks a whole document (schema, then references and everything that must fit together) and
 * builds the configuration. Reads no file that the document names. Every error and notice is added
 * to `errs`; with any refusal the call fails with the first one's code and *ret is not set.
 * *ret holds one reference; config_put it. SL_ENOMEM.
 */
int config_build(const struct conf_node *root, struct conf_errors *errs, struct config **ret)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* One more reference; returns `c`. */
struct config *config_get(struct config *c) SL_NONNULL(1);

/* One reference less; the last one frees everything. NULL is nothing. */
void config_put(struct config *c);

/* By name; NULL when there is none. */
const struct config_segment *config_find_segment(const struct config *c, const char *name)
        SL_NONNULL(1, 2);
const struct config_certificate *config_find_certificate(const struct config *c, const char *name)
        SL_NONNULL(1, 2);
const struct config_ca_certificate *config_find_ca_certificate(const struct config *c,
                                                               const char *name) SL_NONNULL(1, 2);
const struct config_trust_store *config_find_trust_store(const struct config *c, const char *name)
        SL_NONNULL(1, 2);
const struct config_server_proxy *config_find_server_proxy(const struct config *c, const char *name)
        SL_NONNULL(1, 2);
const struct config_client_proxy *config_find_client_proxy(const struct config *c, const char *name)
        SL_NONNULL(1, 2);
const struct config_decryption_policy *config_find_decryption_policy(const struct config *c,
                                                                     const char *name)
        SL_NONNULL(1, 2);
const struct config_action_set *config_find_action_set(const struct config *c, const char *name)
        SL_NONNULL(1, 2);
const struct config_profile *config_find_profile(const struct config *c, const char *name)
        SL_NONNULL(1, 2);
const struct config_virtual_segment *config_find_virtual_segment(const struct config *c,
                                                                 const char *name) SL_NONNULL(1, 2);

/* A client proxy signs with it, now or as a successor. */
bool config_is_issuer(const struct config *c, const struct config_certificate *certificate)
        SL_NONNULL(1, 2);

/*
 * A packet as rules see it: addresses and ports in the direction in which it travels. `segment` is
 * of the config that is asked (config.segments[index]): another config's never matches.
 */
struct config_packet {
	const struct config_segment *segment;
	enum config_direction direction; /* A_TO_B or B_TO_A */
	uint16_t vlan;                   /* 0: untagged */
	enum config_tunnel tunnel;       /* not ANY */
	enum config_protocol protocol;   /* ANY stands for one that is neither TCP nor UDP */
	struct addr source, destination;
	uint16_t source_port, destination_port; /* host order; 0 without ports */
};

/* The first virtual segment that matches, or NULL. For the answer's, ask with the packet turned. */
const struct config_virtual_segment *config_match_virtual_segment(const struct config *c,
                                                                  const struct config_packet *p)
        SL_NONNULL(1, 2);

/* The first bypass rule that matches, or NULL. */
const struct config_bypass_rule *config_match_bypass_rule(const struct config *c,
                                                          const struct config_packet *p)
        SL_NONNULL(1, 2);

/*
 * The server policy (state on or observe) whose proxy matches the packet's destination and port:
 * longest prefix, then narrowest port range, then document order (R165). A source exception is
 * looked at by config_source_excepted() afterwards. NULL when there is none.
 */
const struct config_server_policy *config_match_server_policy(const struct config_profile *profile,
                                                              const struct config_packet *p)
        SL_NONNULL(1, 2);

/*
 * The client policy (state on or observe) one of whose proxy's detection ports is the packet's
 * destination port; two of a profile never overlap (R97). NULL when there is none.
 */
const struct config_client_policy *config_match_client_policy(const struct config_profile *profile,
                                                              const struct config_packet *p)
        SL_NONNULL(1, 2);

/* What applies to a flow by the first packet of its request. */
struct config_match {
	const struct config_virtual_segment *segment; /* NULL: none */
	const struct config_server_policy *server;    /* at most one of these two */
	const struct config_client_policy *client;
	const struct config_policy *policy; /* that one's part in common; NULL: none (R33) */
	const struct config_proxy *proxy;
};

/*
 * Virtual segment, then policy: a server policy before a client policy (R32), each only where its
 * kind of inspection is on (R56).
 */
void config_match(const struct config *c, const struct config_packet *p, struct config_match *ret)
        SL_NONNULL(1, 2, 3);

/* R128: the packet's source is one that the policy leaves alone. */
bool config_source_excepted(const struct config_server_policy *policy,
                            const struct config_packet *p) SL_NONNULL(1, 2);

bool config_prefixes_match(const struct config_prefixes *list, const struct addr *a)
        SL_NONNULL(1, 2); /* an empty list matches */
bool config_ports_match(const struct config_ports *list, uint16_t port)
        SL_NONNULL(1); /* an empty list matches */
bool config_vlans_match(const struct config_vlans *list, uint16_t vlan)
        SL_NONNULL(1); /* an empty list matches */
