/* show_policy.h - tables of show.c about guards, filters, suppression and snooping */
#ifndef SWITCH_SHOW_POLICY_H
#define SWITCH_SHOW_POLICY_H

#include <jansson.h>

struct sw;

#define SHOW_GUARDS	"port\taddress"
#define SHOW_RULES	"port\tout\trule\tdeny\tframes\tbytes\texpression"
#define SHOW_NEIGHBOURS	"ip\tvlan\taddress\tport\tage\tdisputed"
#define SHOW_GROUPS	"group\tvlan\tport\tseconds"

void show_guards(json_t *rows, const struct sw *sw);
void show_rules(json_t *rows, const struct sw *sw);
void show_neighbours(json_t *rows, const struct sw *sw);
void show_groups(json_t *rows, const struct sw *sw);

#endif
