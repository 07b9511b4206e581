/* budget.h - the memory a stack may hold, by Linux's tcp_mem and udp_mem */
#ifndef STACK_BUDGET_H
#define STACK_BUDGET_H

#include "base/base.h"

struct stack;

/* Each counts in BUDGET_ALL as well; what is only there: sockets, fragments. */
enum budget_of { BUDGET_ALL, BUDGET_TCP, BUDGET_UDP, N_BUDGETS };

struct budget {
	uint64_t	used;		/* bytes */
	uint64_t	most;		/* that were ever used */
	uint64_t	pressures;	/* times it became short (Linux's TCPMemoryPressures) */
	bool		pressed;
};

void budget_take(struct stack *st, enum budget_of b, uint32_t n);
void budget_give(struct stack *st, enum budget_of b, uint32_t n);
/* Would n bytes more be within the limits? */
bool budget_room(const struct stack *st, enum budget_of b, uint64_t n);
/* Memory is short: from the second number of the parameter on, until it is below
 * the first. */
bool budget_pressed(const struct stack *st, enum budget_of b);
uint64_t budget_limit(const struct stack *st, enum budget_of b);	/* the third, in bytes */
const char *budget_name(enum budget_of b);	/* of its parameter */

#endif
