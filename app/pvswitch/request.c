/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What a request asks for, and those that change something. A request is an array of words, the
 * same as behind "pvnctl switch": ["port", "set", "up", "vlan=5"].
 */
#include "control.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "options.h"

json_t *
pvs_json_text(const char *text)
{
	char plain[PVS_WHY_MAX];
	json_t *json = json_string(text);

	if (json != NULL)
		return json;
	/* It is not UTF-8. */
	snprintf(plain, sizeof(plain), "%s", text);
	for (char *p = plain; *p != '\0'; p++)
		if ((*p & 0x80) != 0)
			*p = '?';
	return json_string(plain);
}

struct pvs_port *
pvs_port_need(struct pvs *sw, const char *name, char *why)
{
	struct pvs_port *port = pvs_port_find(sw, name);

	if (port == NULL)
		snprintf(why, PVS_WHY_MAX, "there is no port '%.40s'", name);
	return port;
}

/* ---- filters ---- */

static int
number_read(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *value,
	    char *why)
{
	const char *end;

	if (pvs_digits_read(text, value, &end) == 0 && *end == '\0' && *value >= min &&
	    *value <= max)
		return 0;
	snprintf(why, PVS_WHY_MAX, "%s '%.40s': expected a number in %u..%u", what, text,
		 (unsigned int)min, (unsigned int)max);
	return -EINVAL;
}

static int
filter_word(struct pvs *sw, const char *word, const char *text, struct pvs_filter *f, char *why)
{
	uint64_t value = 0;
	int ret = 0;

	if (strcmp(word, "port") == 0) {
		const struct pvs_port *port = pvs_port_need(sw, text, why);

		if (port == NULL)
			return -ENOENT;
		f->port = pvs_port_number(sw, port);
	} else if (strcmp(word, "vlan") == 0) {
		ret = number_read(word, text, 1, PVN_VID_MAX, &value, why);
		f->vlan = value;
	} else if (strcmp(word, "start") == 0) {
		ret = number_read(word, text, 0, UINT32_MAX, &value, why);
		f->start = value;
	} else {
		ret = number_read(word, text, 1, f->limit, &value, why);
		f->limit = value;
	}
	return ret;
}

int
pvs_filter_read(struct pvs *sw, const char *const *words, size_t count, const char *accepted,
		struct pvs_filter *filter, char *why)
{
	int ret = 0;

	filter->port = filter->vlan = PVN_FDB_ANY;
	filter->start = 0;
	for (size_t i = 0; i < count && ret == 0; i += 2) {
		const char *at = strstr(accepted, words[i]);
		const size_t len = strlen(words[i]);
		bool twice = false;

		for (size_t k = 0; k < i; k += 2)
			twice = twice || strcmp(words[k], words[i]) == 0;
		if (at == NULL || len == 0 || strchr(" ", at[len]) == NULL || i + 1 == count ||
		    twice || (at > accepted && at[-1] != ' ')) {
			snprintf(why, PVS_WHY_MAX,
				 "'%.40s': expected one of %s, a value behind it, and once",
				 words[i], accepted);
			return -EINVAL;
		}
		ret = filter_word(sw, words[i], words[i + 1], filter, why);
	}
	return ret;
}

/* ---- ports ---- */

static int
words_read(struct pvs_settings *set, const char *const *words, size_t count, bool guest, char *why)
{
	for (size_t i = 0; i < count; i++) {
		const char *value = strchr(words[i], '=');
		char word[32];
		int ret;

		if (value == NULL) {
			snprintf(why, PVS_WHY_MAX, "'%.60s': expected WORD=VALUE", words[i]);
			return -EINVAL;
		}
		snprintf(word, sizeof(word), "%.*s", (int)(value - words[i]), words[i]);
		if (pvs_settings_has(set, word)) {
			snprintf(why, PVS_WHY_MAX, "%s is given twice", word);
			return -EINVAL;
		}
		ret = guest ? pvs_guest_word(set, word, value + 1, why)
			    : pvs_settings_word(set, word, value + 1, why);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Where copies go must be there, and be another one. */
static int
check_mirror(struct pvs *sw, const char *name, const struct pvs_settings *set, char *why)
{
	if (!pvs_settings_has(set, "mirror") || set->mirror[0] == '\0')
		return 0;
	if (strcmp(set->mirror, name) == 0) {
		snprintf(why, PVS_WHY_MAX, "port %s cannot be its own mirror", name);
		return -EINVAL;
	}
	return pvs_port_need(sw, set->mirror, why) == NULL ? -ENOENT : 0;
}

static json_t *
port_add(struct pvs *sw, const char *const *words, size_t count, char *why)
{
	struct pvs_settings set;

	pvs_settings_default(&set, false);
	if (pvs_name_check(words[0], why) < 0 ||
	    words_read(&set, words + 1, count - 1, false, why) < 0 ||
	    check_mirror(sw, words[0], &set, why) < 0)
		return NULL;
	if (set.device[0] == '\0') {
		snprintf(why, PVS_WHY_MAX, "device=... is missing: which is it?");
		return NULL;
	}
	if (pvs_settings_check(&set, why) < 0 || pvs_port_add(sw, words[0], &set, why) < 0)
		return NULL;
	return json_pack("{ss}", "added", words[0]);
}

static json_t *
port_remove(struct pvs *sw, const char *const *words, size_t count, char *why)
{
	(void)count;
	if (pvs_port_need(sw, words[0], why) == NULL || pvs_port_remove(sw, words[0], why) < 0)
		return NULL;
	return json_pack("{ss}", "removed", words[0]);
}

static json_t *
port_set(struct pvs *sw, const char *const *words, size_t count, char *why)
{
	const struct pvs_port *port = pvs_port_need(sw, words[0], why);
	struct pvs_settings set, more;

	if (port == NULL)
		return NULL;
	pvs_settings_default(&more, port->kind == PVS_GUEST);
	if (words_read(&more, words + 1, count - 1, port->kind == PVS_GUEST, why) < 0 ||
	    check_mirror(sw, words[0], &more, why) < 0)
		return NULL;
	set = port->set;
	pvs_settings_overlay(&set, &more);
	if (pvs_settings_check(&set, why) < 0 || pvs_port_set(sw, words[0], &set, why) < 0)
		return NULL;
	return json_pack("{ss}", "changed", words[0]);
}

static json_t *
mirror(struct pvs *sw, const char *const *words, size_t count, char *why)
{
	char word[PVS_NAME_MAX + 16];
	const char *const as_set[] = {words[0], word};

	(void)count;
	snprintf(word, sizeof(word), "mirror=%.*s", PVS_NAME_MAX, words[1]);
	return port_set(sw, as_set, 2, why);
}

static json_t *
clear(struct pvs *sw, const char *const *words, size_t count, char *why)
{
	struct pvs_port *only = count > 0 ? pvs_port_need(sw, words[0], why) : NULL;
	int cleared = 0;

	if (count > 0 && only == NULL)
		return NULL;
	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++) {
		if (sw->port[i].kind == PVS_FREE || (only != NULL && only != &sw->port[i]))
			continue;
		pvs_port_clear(sw, &sw->port[i]);
		cleared++;
	}
	return json_pack("{si}", "cleared", cleared);
}

static json_t *
reload(struct pvs *sw, const char *const *words, size_t count, char *why)
{
	(void)words;
	(void)count;
	if (sw->options.file == NULL) {
		snprintf(why, PVS_WHY_MAX,
			 "pvswitch was started without --config: there is "
			 "nothing to read again");
		return NULL;
	}
	if (pvs_reload(sw, why) < 0)
		return NULL;
	return json_pack("{ss}", "reloaded", sw->options.file);
}

/* ---- the forwarding database ---- */

static int
address_read(const char *const *words, uint64_t *mac, uint16_t *vlan, char *why)
{
	const char *end = NULL;
	uint64_t value;

	if (pvs_mac_read(words[0], mac, &end) < 0 || *end != '\0') {
		snprintf(why, PVS_WHY_MAX,
			 "address '%.40s': expected one as 00:16:3e:00:00:01, and no group's",
			 words[0]);
		return -EINVAL;
	}
	if (number_read("vlan", words[1], 1, PVN_VID_MAX, &value, why) < 0)
		return -EINVAL;
	*vlan = value;
	return 0;
}

static json_t *
fdb_add(struct pvs *sw, const char *const *words, size_t count, char *why)
{
	const struct pvs_port *port;
	uint16_t vlan;
	uint64_t mac;

	(void)count;
	if (address_read(words, &mac, &vlan, why) < 0)
		return NULL;
	port = pvs_port_need(sw, words[2], why);
	if (port == NULL)
		return NULL;
	if (pvn_fdb_add(sw->fdb, vlan, mac, pvs_port_number(sw, port), pvs_now_s()) < 0) {
		snprintf(why, PVS_WHY_MAX, "there are too many static addresses where %s belongs",
			 words[0]);
		return NULL;
	}
	return json_pack("{ss}", "added", words[0]);
}

static json_t *
fdb_remove(struct pvs *sw, const char *const *words, size_t count, char *why)
{
	uint16_t vlan;
	uint64_t mac;

	(void)count;
	if (address_read(words, &mac, &vlan, why) < 0)
		return NULL;
	if (pvn_fdb_remove(sw->fdb, vlan, mac) < 0) {
		snprintf(why, PVS_WHY_MAX, "address %s is not there in VLAN %u", words[0], vlan);
		return NULL;
	}
	return json_pack("{ss}", "removed", words[0]);
}

/* Static addresses stay. */
static json_t *
fdb_flush(struct pvs *sw, const char *const *words, size_t count, char *why)
{
	struct pvs_filter filter = {.limit = 1};

	if (pvs_filter_read(sw, words, count, "port vlan", &filter, why) < 0)
		return NULL;
	return json_pack("{si}", "flushed",
			 (int)pvn_fdb_flush(sw->fdb, filter.port, filter.vlan, false));
}

/* ---- the table ---- */

#define MANY PVS_WORDS_MAX

static const struct {
	const char *words, *args;
	size_t min, max; /* words behind them */
	pvs_request_run *run;
} requests[] = {
	{"clear", "[PORT]", 0, 1, clear},
	{"fdb add", "MAC VLAN PORT", 3, 3, fdb_add},
	{"fdb flush", "[port NAME] [vlan N]", 0, 4, fdb_flush},
	{"fdb remove", "MAC VLAN", 2, 2, fdb_remove},
	{"mirror", "PORT PORT|off", 2, 2, mirror},
	{"port add", "NAME WORD=VALUE...", 2, MANY, port_add},
	{"port remove", "NAME", 1, 1, port_remove},
	{"port set", "NAME WORD=VALUE...", 2, MANY, port_set},
	{"reload", "", 0, 0, reload},
	{"show drops", "[port NAME] [start N] [limit N]", 0, 6, pvs_show_drops},
	{"show fdb", "[port NAME] [vlan N] [start N] [limit N]", 0, 8, pvs_show_fdb},
	{"show ports", "[port NAME] [start N] [limit N]", 0, 6, pvs_show_ports},
	{"show switch", "", 0, 0, pvs_show_switch},
	{"show workers", "", 0, 0, pvs_show_workers},
};

/* How many of the words are the request's own; 0: it is another. */
static size_t
match(const char *request, const char *const *words, size_t count)
{
	size_t n = 0;

	while (*request != '\0') {
		const size_t len = strcspn(request, " ");

		if (n == count || strlen(words[n]) != len || strncmp(words[n], request, len) != 0)
			return 0;
		n++;
		request += len + (request[len] == ' ');
	}
	return n;
}

static json_t *
run(struct pvs *sw, const char *const *words, size_t count, char *why)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		const size_t own = match(requests[i].words, words, count);

		if (own == 0)
			continue;
		if (count - own >= requests[i].min && count - own <= requests[i].max)
			return requests[i].run(sw, words + own, count - own, why);
		snprintf(why, PVS_WHY_MAX, "%s: expected %s", requests[i].words,
			 requests[i].args[0] != '\0' ? requests[i].args : "nothing behind it");
		return NULL;
	}
	snprintf(why, PVS_WHY_MAX, "there is no request '%.40s%s%.40s'", words[0],
		 count > 1 ? " " : "", count > 1 ? words[1] : "");
	return NULL;
}

json_t *
pvs_request(struct pvs *sw, const char *line, size_t len)
{
	const char *words[PVS_WORDS_MAX];
	json_t *request = json_loadb(line, len, 0, NULL), *reply = NULL;
	const size_t count = json_array_size(request);
	char why[PVS_WHY_MAX] = "expected an array of words, as [\"show\", \"ports\"]";
	bool good = count > 0 && count <= PVS_WORDS_MAX;

	for (size_t i = 0; i < count && good; i++) {
		words[i] = json_string_value(json_array_get(request, i));
		good = words[i] != NULL;
	}
	if (good) {
		snprintf(why, sizeof(why), "no memory");
		reply = run(sw, words, count, why);
	}
	if (reply == NULL)
		reply = json_pack("{so}", "error", pvs_json_text(why));
	json_decref(request);
	return reply;
}
