/* SPDX-License-Identifier: Apache-2.0 */
/* docs/sms-api.md: the routes in one table, then each shape's fields. */
#include <inttypes.h>

#include "lib/base/page.h"
#include "smsd/api/openapi.h"
#include "smsd/api/route.h"

static const char head[] =
        "# The API of the SMS\n"
        "\n"
        "This page is made from the tables by `api-doc`; change `smsd/api/route.def` and the\n"
        "shapes, not this. How it works inside: [internals/sms.md](internals/sms.md). The same as\n"
        "an OpenAPI 3.1 document: `GET /api/v1/openapi.json`.\n"
        "\n"
        "- All of it is HTTPS with JSON. A body is sent with `Content-Type: application/json` and\n"
        "  its `Content-Length`; unknown keys are refused.\n"
        "- Whose a request is: the cookie of `POST /login`, and with each request that is no GET\n"
        "  the login's token in `X-Sluice-CSRF`; or `Authorization: Bearer slp1_…` alone.\n"
        "- An answer about one object has its revision as `ETag`; a change names it in `If-Match`\n"
        "  (428 without, 412 when another revision is there by now).\n"
        "- A refusal is `application/problem+json`, shape Problem. 401: nobody is logged in. 403:\n"
        "  somebody, who may not. 429: more than 20 requests a second beyond a burst of 100. 503:\n"
        "  come again in `Retry-After` seconds. 507: smsd's disk is full.\n"
        "- Times are UTC, `2027-01-31T00:00:00Z`. \"file\" are bytes as they are.\n"
        "\n"
        "## Routes\n"
        "All under `/api/v1`. Who: everyone, whoever is logged in, or whoever has the capability.\n"
        "\n"
        "| route | who | body | answer | |\n"
        "|---|---|---|---|---|\n";

static void say_shape(struct page *p, enum api_shape shape)
{
	if (shape == API_SHAPE_NONE)
		page_say(p, "| ");
	else if (shape == API_SHAPE_FILE)
		page_say(p, "| file ");
	else if (shape == API_SHAPE_STREAM)
		page_say(p, "| server-sent events ");
	else
		page_say(p, "| [%s](#%s) ", api_shape_name(shape), api_shape_name(shape));
}

static void say_route(struct page *p, const struct api_route *route)
{
	const char *quote = api_route_capabilities(route) ? "`" : "";
	char access[API_CAPABILITIES_TEXT_MAX];

	page_say(p, "| `%s %s` ", api_method_name(route->method), route->path);
	page_say(p, "| %s%s%s ", quote, api_route_access_text(route, access), quote);
	say_shape(p, route->body);
	say_shape(p, route->answer);
	page_say(p, "| %s |\n", route->summary);
}

static void say_words(struct page *p, const struct conf_field *f)
{
	const char *between = ":";

	for (size_t i = 0; i < f->choices->count; i++)
		if (f->allowed == 0 || f->allowed & (1U << i)) {
			page_say(p, "%s `%s`", between, f->choices->items[i].text);
			between = ",";
		}
}

/* The object is one of the shapes, and has a section of its own. */
static const char *shape_name_of(const struct conf_object *object)
{
	for (int i = API_SHAPE_STREAM + 1; i < API_SHAPE_END; i++)
		if (api_shape_object((enum api_shape)i) == object)
			return api_shape_name((enum api_shape)i);
	return NULL;
}

static void say_bounds(struct page *p, const struct conf_field *f)
{
	if (f->object && shape_name_of(f->object))
		page_say(p, ": [%s](#%s)", shape_name_of(f->object), shape_name_of(f->object));
	else if (f->choices)
		say_words(p, f);
	else if (f->type == CONF_TYPE_UINT || f->type == CONF_TYPE_PORT)
		page_say(p, ", %" PRIu64 " to %" PRIu64, f->min, f->max);
	else if (f->object)
		page_say(p, ": see below");
	else if (f->max > 0)
		page_say(p, ", at most %" PRIu64, f->max);
}

/* Recursion is bounded by the tables, which have no circle. */
static void say_fields(struct page *p, const struct conf_object *object)
{
	page_say(p, "\n| key | | |\n|---|---|---|\n");
	for (size_t i = 0; i < object->count; i++) {
		const struct conf_field *f = &object->fields[i];

		page_say(p, "| `%s`%s | %s", f->name, f->flags & CONF_REQUIRED ? "" : " (optional)",
		         conf_type_name(f->type));
		say_bounds(p, f);
		page_say(p, " | %s |\n", f->help);
	}
	for (size_t i = 0; i < object->count; i++)
		if (object->fields[i].object && !shape_name_of(object->fields[i].object)) {
			page_say(p, "\n`%s`:\n", object->fields[i].name);
			say_fields(p, object->fields[i].object);
		}
}

int openapi_page(struct buf *out)
{
	struct page p = {.out = out};

	page_say(&p, "%s", head);
	for (size_t i = 0; i < api_routes_count; i++)
		say_route(&p, &api_routes[i]);
	for (int i = API_SHAPE_STREAM + 1; i < API_SHAPE_END; i++) {
		page_say(&p, "\n## %s\n", api_shape_name((enum api_shape)i));
		say_fields(&p, api_shape_object((enum api_shape)i));
	}
	return p.rc;
}
