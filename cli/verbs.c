/* verbs.c - the verbs: what they take, and what their pages say. Only what exists is listed. */
#include "cli.h"

#define READING (CLI_JSON | CLI_LIMIT | CLI_SORT | CLI_WHERE | CLI_MEMORY)
#define SITES (READING | CLI_THRESHOLD | CLI_BY | CLI_FILES | CLI_SITES)
#define SITE_KINDS "what a row stands for; kinds below (default line)"
#define OBJECTS CLI_OBJECTS
#define SINCE "only what is new since an older snapshot of the process, or what is: in --where says"
#define ENDS "groups of references by what is at the other end; kinds below"

const cli_verb cli_verbs[] = {
    {"summary", READING | CLI_THRESHOLD | CLI_BY | CLI_AGAINST, cmd_table,
     "what is in memory, by type, size or module, and how much of RSS that is",
     "Objects by type: how many, how many bytes, the largest of each with its address. Below the table: tonnage's own\n"
     "objects, and what the rest of the resident set is.\n",
     .against = "what changed since an older snapshot, as diff OLD FILE says it", .limit = "rows shown",
     .sort = "size, count, largest, or type (each, module, kind with --by)",
     .where = "only these objects; conditions: " OBJECTS,
     .examples = "  tonnage summary app.tonnage --by module --sort count --limit 5\n"
                 "  tonnage summary app.tonnage --where 'type:app.Session+ size:>=1k -module:json' --threshold 64k\n"
                 "  tonnage summary app.tonnage --against old.tonnage\n"
                 "  tonnage summary app.tonnage --json --limit 0 --max-memory 2G\n",
     .view = tn_view_summary},
    {"largest", READING | CLI_THRESHOLD | CLI_AGAINST, cmd_table, "the biggest single objects with a running total",
     "The biggest single objects with a running total, their addresses and how their values begin.\n", .against = SINCE,
     .limit = "objects shown", .sort = "size (-size: the smallest), or these by address, type or preview",
     .where = "only these objects; conditions: " OBJECTS,
     .examples = "  tonnage largest app.tonnage --where 'type:dict -module:app' --limit 10\n"
                 "  tonnage largest app.tonnage --threshold 1M --limit 0 --sort type\n"
                 "  tonnage largest app.tonnage --against old.tonnage --where type:dict\n"
                 "  tonnage largest app.tonnage --json --max-memory 2G\n",
     .view = tn_view_largest},
    {"suspects", READING | CLI_BY | CLI_AGAINST | CLI_NO_FOLD, cmd_table,
     "what to look at first: who retains much, and who holds that, in sentences",
     "What to look at first, in sentences: objects that retain a tenth of the heap or more, each with what it is,\n"
     "what is in it, the path that holds it and the command to dig deeper; types whose objects do so together;\n"
     "garbage that waits for the collector, tracebacks, suspended generators and tasks that keep much. With --against\n"
     "an older snapshot: what grew by a fiftieth of the heap or more. With --by a table of what retains most: objects\n"
     "that nothing but modules and the like holds, in groups. That something is found is no error: the exit code is "
     "0.\n",
     .by = "top consumers below the answers: groups of 1 % of the heap; kinds below",
     .sort = "retained, count or kind: the answers, and the groups", .against = "what grew since an older snapshot",
     .limit = "answers shown", .where = "only answers about these objects; conditions: " OBJECTS,
     .examples = "  tonnage suspects app.tonnage\n"
                 "  tonnage suspects app-2.tonnage --against app-1.tonnage --limit 3\n"
                 "  tonnage suspects app.tonnage --by module --sort count --no-fold\n"
                 "  tonnage suspects app.tonnage --where 'module:app' --json --max-memory 2G\n",
     .view = tn_view_suspects},
    {"audit", READING | CLI_BY | CLI_AGAINST, cmd_table,
     "objects that C code holds or has lost: reference counts against references",
     "Reference counts against the references that were found. Lost: nothing refers to them, and in a snapshot taken "
     "with\n"
     "scan no memory that was searched has a pointer to them. Held by C code: by what. Held by the interpreter. "
     "Counted\n"
     "too low: more references than the count says. That something is found is no error: the exit code is 0.\n",
     .by = "rows of each grade are groups of its objects; kinds below (default type)", .against = SINCE,
     .limit = "rows shown of each grade", .sort = "excess, count, size or kind",
     .where = "only these objects; conditions: " OBJECTS,
     .examples = "  tonnage run --scan -o app.tonnage app.py && tonnage audit app.tonnage\n"
                 "  tonnage audit app-2.tonnage --against app-1.tonnage --limit 5 --sort count\n"
                 "  tonnage audit app.tonnage --where type:str --by content\n"
                 "  tonnage audit app.tonnage --json --max-memory 2G\n",
     .view = tn_view_audit},
    {"why", READING | CLI_BY | CLI_AGAINST | CLI_SELECTION | CLI_NO_FOLD, cmd_why,
     "why something is alive, and what would free it, in words",
     "Why an object, or a set of them, is alive: the path that holds it, which reference on that path frees how much\n"
     "when it is cleared, and, where none does, what else holds it; whether it waits for the collector, or C code\n"
     "holds it. SELECTION is an address, or what --where takes. With --by the selected objects are parted, and each\n"
     "group has its answer, the largest first. The __dict__ of an instance is a part of it.\n",
     .by = "an answer a group, the largest first; kinds below", .few = 5,
     .limit = "groups, references that hold it, or ways to a set, told",
     .sort = "of groups: size, count, largest, or kind (type, each, module)", .against = SINCE,
     .where = "the same as SELECTION; conditions: " OBJECTS,
     .examples = "  tonnage why app.tonnage 0x7f0a12345680\n"
                 "  tonnage why app.tonnage 'type:app.Session size:>=1k'\n"
                 "  tonnage why app.tonnage 'size:>=64k' --by type --sort count --limit 3\n"
                 "  tonnage why app.tonnage 0x7f0a12345680 --no-fold\n"
                 "  tonnage why app.tonnage --against old.tonnage\n"
                 "  tonnage why app.tonnage --where 'type:app.Session' --json --max-memory 2G\n"},
    {"waste", READING | CLI_THRESHOLD | CLI_BY | CLI_AGAINST, cmd_table,
     "what to change so that the program needs less: equal values, room, slots, arrays",
     "Findings, each with the bytes that a change would give back, who holds what it is about, and what to change:\n"
     "equal texts, numbers, tuples and containers; containers with much room, of few items or empty; classes that\n"
     "__slots__ would make smaller, dicts of instances that share their keys no more; numbers one by one that an "
     "array\n"
     "would hold; second copies of texts; bytes of zeros. Told from 1 % of the heap on, and from 64 KiB. "
     "docs/waste.md\n"
     "says how each is computed. That something is found is no error: the exit code is 0.\n",
     .by = "what a finding is about; kinds below (default via, or the class)", .against = SINCE,
     .limit = "findings shown", .sort = "saved, size, count, kind or label",
     .where = "only what would go of these objects; conditions: " OBJECTS,
     .examples = "  tonnage waste app.tonnage\n"
                 "  tonnage waste app.tonnage --threshold 4k --limit 5 --sort count\n"
                 "  tonnage waste app.tonnage --by module --where 'type:str or type:app.Session'\n"
                 "  tonnage waste app.tonnage --against old.tonnage\n"
                 "  tonnage waste app.tonnage --json --max-memory 2G\n",
     .view = tn_view_waste},
    {"cycles", READING | CLI_BY | CLI_GARBAGE | CLI_AGAINST, cmd_table,
     "what refers to itself in a circle, what of it waits for the collector, finalizers",
     "Objects that lead to one another in a circle, so that no reference count frees them: a row for all cycles that "
     "go\n"
     "over the same types and labels or, with --by id, each one with what keeps it, what it retains and a shortest "
     "cycle\n"
     "in words. What is alive and the program itself is left out: modules, their namespaces, classes. Below: objects "
     "with\n"
     "a finalizer, weak references and weak dictionaries.\n",
     .by = "type, what they go over (default); site, and where they were made; or id, each one",
     .kinds = "type, site or id",
     .against = "only cycles with an object that is new since an older snapshot, or what is: says",
     .limit = "rows shown of each table",
     .sort = "cycles, size, count, waiting, listed or cycle; of each one (--by id): size, count or references",
     .where = "only cycles with one of these objects; conditions: " OBJECTS,
     .examples = "  tonnage cycles app.tonnage\n"
                 "  tonnage cycles app.tonnage --garbage --by id --limit 3\n"
                 "  tonnage cycles app.tonnage --by site --garbage\n"
                 "  tonnage cycles app.tonnage --where 'type:app.Session+' --sort size\n"
                 "  tonnage cycles app.tonnage --against old.tonnage --json --max-memory 2G\n",
     .view = tn_view_cycles},
    {"diff", READING | CLI_BY | CLI_FILES, cmd_diff, "what is new, gone and grown between two snapshots or more",
     "What changed from OLD to NEW: of each type, how many objects are new, gone and still there, and how many\n"
     "bytes more or less that is; collections that hold more than before; who refers to what is new. Objects are told\n"
     "apart where both files are of one process. Of more than two files, the oldest first: what grew all along.\n",
     .limit = "rows shown", .sort = "size, count (changes), new, gone, or type (each, module, kind with --by)",
     .where = "only these objects of both; conditions: " OBJECTS,
     .examples = "  tonnage diff old.tonnage app.tonnage --limit 5 --sort new\n"
                 "  tonnage diff old.tonnage app.tonnage --by via --where '-module:json'\n"
                 "  tonnage diff old.tonnage app.tonnage --json --max-memory 2G\n"},
    {"sites", SITES | CLI_COMPARE | CLI_SUMS | CLI_CUMULATE, cmd_sites,
     "who allocated what is alive: lines, functions, modules, tracebacks, with changes",
     "Live memory by the line of the program that allocated it, or by another part of the stack; in a run that was\n"
     "traced (--trace). Of several files, sorted by time: what changed from each to the next. What no Python code was\n"
     "running for stands in rows such as <native>. Where blocks were sampled each row has its 95 % interval, and a\n"
     "change says whether it is more than chance.\n",
     .by = SITE_KINDS, .limit = "rows shown",
     .sort = "size, count, average, name, allocated, freed; retained; compared: change",
     .where = "only blocks of these objects; conditions: " OBJECTS,
     .examples = "  tonnage sites app.tonnage --limit 10\n"
                 "  tonnage sites app.tonnage --sort allocated\n"
                 "  tonnage sites app.tonnage --by traceback --include any:app.py --exclude '<frozen*' --color never\n"
                 "  tonnage sites app.tonnage --by module --cumulative --threshold 64k --sort count\n"
                 "  tonnage sites app.tonnage --where type:dict+ --retained\n"
                 "  tonnage sites 1.tonnage 2.tonnage 3.tonnage --first --by file\n"
                 "  tonnage sites app.tonnage --json --max-memory 2G\n",
     .page = TN_SITES_TABLE},
    {"creators", (SITES & ~(uint64_t)(CLI_BY | CLI_THRESHOLD)) | CLI_FROM | CLI_DEPTH, cmd_sites,
     "which lines made most of what is alive, who called them, and who called these",
     "A tree: lines by what they allocated, below each the lines that called it, and so on outwards. --from follows a\n"
     "way: the line that allocated, then the one that called it, and so on; rows are the callers of the last one.\n",
     .limit = "rows shown of each level", .few = 5, .sort = "size, count or name",
     .where = "only blocks of these objects; conditions: " OBJECTS,
     .examples = "  tonnage creators app.tonnage --limit 3 --depth 5\n"
                 "  tonnage creators app.tonnage --from app.py:11 --from app.py:3 --sort count\n"
                 "  tonnage creators app.tonnage --where type:list --include any:app.py --exclude domain:raw\n"
                 "  tonnage creators app.tonnage --color always --json --max-memory 2G\n",
     .page = TN_SITES_CREATORS},
    {"peak", (SITES & ~(uint64_t)CLI_WHERE) | CLI_COMPARE | CLI_CUMULATE, cmd_sites,
     "who had allocated what was alive when most of all was",
     "Memory at the high-water mark of all that was traced, by the line that allocated it, beside what is alive now\n"
     "and the most that its stacks ever had, each at its own time.\n",
     .by = SITE_KINDS, .kinds = CLI_SUM_KINDS, .limit = "rows shown",
     .sort = "size, count, average or name; of several files: change",
     .examples = "  tonnage peak app.tonnage --by function --limit 10 --sort count\n"
                 "  tonnage peak app.tonnage --include 'app/*' --exclude any:test.py --threshold 64k --cumulative\n"
                 "  tonnage peak 1.tonnage 2.tonnage --first --color never\n"
                 "  tonnage peak app.tonnage --json --max-memory 2G\n",
     .page = TN_SITES_AT_PEAK},
    {"temporary", (SITES & ~(uint64_t)CLI_WHERE) | CLI_COMPARE | CLI_CUMULATE, cmd_sites,
     "who allocates what is freed at once: work that could be saved",
     "Blocks that were freed soon after they were allocated, by the line that did: before their thread had allocated\n"
     "16 more, or 2 KiB where it was sampled. Beside them all that the line has allocated since the recorder "
     "started.\n",
     .by = SITE_KINDS, .kinds = CLI_SUM_KINDS, .limit = "rows shown",
     .sort = "count, size, average or name; of several files: change",
     .examples =
         "  tonnage temporary app.tonnage --by function --limit 10 --sort size\n"
         "  tonnage temporary app.tonnage --include 'app/*' --exclude app/test.py --threshold 64k --cumulative\n"
         "  tonnage temporary 1.tonnage 2.tonnage --first --color never\n"
         "  tonnage temporary app.tonnage --json --max-memory 2G\n",
     .page = TN_SITES_SOON_FREED},
    {"survivors", SITES, cmd_sites, "whose blocks stay: how old they are, and how many stay all along",
     "Ten parts of the time since the recorder started, counted in allocations: what is alive of each, as bars from\n"
     "the oldest to the youngest. What a line keeps of a thousand allocations of the program, with a 95 % interval,\n"
     "tells a leak, which keeps some of every part, from what comes and goes.\n",
     .by = SITE_KINDS, .limit = "rows shown", .sort = "slope (its lower end), size, count, average or name",
     .where = "only blocks of these objects; conditions: " OBJECTS,
     .examples = "  tonnage survivors app.tonnage --limit 10\n"
                 "  tonnage survivors app.tonnage --by function --where type:dict --sort size --threshold 64k\n"
                 "  tonnage survivors app.tonnage --include 'app/*' --exclude '<native>' --color never\n"
                 "  tonnage survivors app.tonnage --json --max-memory 2G\n",
     .page = TN_SITES_SURVIVORS},
    {"profile",
     CLI_JSON | CLI_LIMIT | CLI_SORT | CLI_MEMORY | CLI_BY | CLI_AGAINST | CLI_DEPTH | CLI_SITES | CLI_CUMULATE |
         CLI_PROFILE,
     cmd_profile, "where time goes: functions, lines, threads, call tree and graph, with changes",
     "Time by function, or by another part of the stack, of a run that was sampled (--sample): of its own, and with\n"
     "what it called. Each share has its 95 % interval. Of a file that has allocations alone: bytes. <gc> is garbage\n"
     "collection, <native> C code without the interpreter's lock, <changing> what changed while it was read.\n",
     .by = "what a row stands for; kinds below (default function)", .kinds = CLI_CPU_KINDS,
     .against = "what changed since another file, of any run", .limit = "rows shown, or of each level of the tree",
     .sort = "own, total, samples, name; bytes; compared: change",
     .examples = "  tonnage profile app.tonnage --limit 10\n"
                 "  tonnage profile app.tonnage --by line --include app.py --exclude '<native>' --sort samples\n"
                 "  tonnage profile app.tonnage --cumulative --thread 'worker-*' --state running\n"
                 "  tonnage profile app.tonnage --tree --depth 5\n"
                 "  tonnage profile app.tonnage --graph --task Task-1\n"
                 "  tonnage profile app.tonnage --callers load\n"
                 "  tonnage profile app.tonnage --callees app.py:88 --color never\n"
                 "  tonnage profile app.tonnage --against old.tonnage\n"
                 "  tonnage profile app.tonnage --clock alloc --json --max-memory 2G\n"},
    {"tracked", READING | CLI_BY | CLI_DEPTH | CLI_TRACKED, cmd_tracked,
     "tracked classes: sizes at each snapshot, births and deaths, growth, single instances with their parts",
     "Classes that were tracked (--track CLASS, tonnage.track): what they took at each snapshot of the tracker, how "
     "many\n"
     "were born and died, and at what age; then the largest instances, with their parts and where they were made. "
     "What\n"
     "several instances keep together and no one alone is told as shared.\n",
     .by = "only snapshot (a table each), class (with curves of a few) or instance (with birthplaces)",
     .kinds = CLI_TRACKED_KINDS, .limit = "instances, classes and last snapshots shown",
     .sort = "size, retained, birth, death, count, class or name",
     .where = "only these classes and instances: type: module: size: retained: text:",
     .examples = "  tonnage run --track app.Node --track-every 5 -o app.tonnage app.py\n"
                 "  tonnage tracked app.tonnage --where type:Node --sort size --limit 10\n"
                 "  tonnage tracked app.tonnage --by snapshot --limit 0\n"
                 "  tonnage tracked app.tonnage --by class --where 'type:app.Node+'\n"
                 "  tonnage tracked app.tonnage --by instance --depth 1 --sort birth\n"
                 "  tonnage tracked app.tonnage --json --max-memory 2G\n"},
    {"groups", READING | CLI_THRESHOLD | CLI_BY | CLI_FOLD | CLI_HEADS | CLI_AGAINST, cmd_table,
     "objects parted by kind, by what holds them, or under heads of your choice",
     "Every object falls into exactly one group. With --heads a group is what one object, module or thread alone "
     "holds,\n"
     "what would go with it; \"(shared)\" is what only several of them hold together, \"(other)\" what is held from\n"
     "elsewhere too.\n",
     .against = SINCE, .limit = "groups shown", .sort = "size, count, largest, or kind (type, each, module)",
     .where = "only these objects; conditions: " OBJECTS,
     .examples = "  tonnage groups app.tonnage --by rcs --where type:dict\n"
                 "  tonnage groups app.tonnage --against old.tonnage --by via\n"
                 "  tonnage groups app.tonnage --heads modules --sort count --limit 5\n"
                 "  tonnage groups app.tonnage --heads type:app.Session+ --fold --threshold 64k\n"
                 "  tonnage groups app.tonnage --by content --where type:str --json --max-memory 2G\n",
     .view = tn_view_groups},
    {"show", READING | CLI_THRESHOLD | CLI_ADDRESS, cmd_show,
     "one object: its parts, what it refers to, who refers to it",
     "One object: its size and the parts of it, reference count, flags, value, the references it holds and the\n"
     "objects that refer to it, each with the attribute, key or index. ADDRESS comes from a column \"at\" of summary\n"
     "or largest. The options are about the references and the referrers, by the object at the other end.\n",
     .limit = "rows shown of each", .sort = "size, address, type, label, kind or preview (default: as they stand)",
     .where = "only to and from these objects; conditions: " OBJECTS,
     .examples = "  tonnage show app.tonnage 0x7f0a12345680 --limit 50\n"
                 "  tonnage show app.tonnage 0x7f0a12345680 --sort size --threshold 1k\n"
                 "  tonnage show app.tonnage 0x7f0a12345680 --where 'type:app.*' --json --max-memory 2G\n"},
    {"dominators",
     READING | CLI_THRESHOLD | CLI_BY | CLI_DEPTH | CLI_INDEX | CLI_MAY_ADDRESS | CLI_AGAINST | CLI_NO_FOLD,
     cmd_dominators, "who retains how much: the dominator tree, the biggest first",
     "Objects with what would go if they went. Without ADDRESS those that no other object dominates, so that no\n"
     "byte is in two rows; with it, what hangs from that object. \"Held by\" is the reference that holds a row, or\n"
     "what else does: a module, a local variable, C code, static memory; garbage waits for the collector; \"several\"\n"
     "hold what no single one does. --by parts these rows into groups and adds them up. The __dict__ of an instance\n"
     "is a part of it, and no row.\n",
     .by = "rows are groups of these objects; kinds below", .against = SINCE,
     .limit = "rows shown, and of each node below them",
     .sort = "retained, count, size, address or type; with --by rows and kind too",
     .where = "of these, those that no other one dominates; conditions: " OBJECTS,
     .examples = "  tonnage dominators app.tonnage --limit 10 --depth 3 --index\n"
                 "  tonnage dominators app.tonnage 0x7f0a12345680 --threshold 64k\n"
                 "  tonnage dominators app.tonnage --where type:app.Session --sort count\n"
                 "  tonnage dominators app.tonnage --against old.tonnage --limit 5\n"
                 "  tonnage dominators app.tonnage --by via --no-fold\n"
                 "  tonnage dominators app.tonnage --by module --json --max-memory 2G\n"},
    {"treemap",
     CLI_JSON | CLI_LIMIT | CLI_WHERE | CLI_MEMORY | CLI_THRESHOLD | CLI_DEPTH | CLI_INDEX | CLI_MAY_ADDRESS |
         CLI_AGAINST | CLI_NO_FOLD,
     cmd_treemap, "the dominator tree down to where it gets small: where the bytes are",
     "Of the whole dominator tree those objects that retain most, wherever they stand, each below the one without "
     "which\n"
     "it would go. So what is large is told down to where it comes from, and what is small stands in \"N more\" of "
     "its\n"
     "level. Without ADDRESS from the root, with it what hangs from that object. Columns are those of dominators.\n",
     .against = SINCE, .few = 50, .limit = "objects shown, in all levels",
     .where = "of these, those that no other one dominates, and what hangs from them; conditions: " OBJECTS,
     .examples = "  tonnage treemap app.tonnage --limit 30 --index\n"
                 "  tonnage treemap app.tonnage 0x7f0a12345680 --depth 3 --threshold 64k\n"
                 "  tonnage treemap app.tonnage --where type:app.Session --no-fold\n"
                 "  tonnage treemap app.tonnage --against old.tonnage\n"
                 "  tonnage treemap app.tonnage --json --limit 1000 --max-memory 2G\n"},
    {"retained", READING | CLI_BY | CLI_FOLD | CLI_INDEX | CLI_MAY_ADDRESS | CLI_AGAINST, cmd_retained,
     "what would go if an object, or all of a selection, went",
     "Objects that are alive only because of the object at ADDRESS, or of the selected ones together, by type or\n"
     "another kind; they themselves included. Below, the dominators of the selected: the nearest objects without "
     "which\n"
     "they would go.\n",
     .against = SINCE, .limit = "rows shown of each table",
     .sort = "size, count, or type (each, module, kind with --by)", .where = "what goes; conditions: " OBJECTS,
     .examples = "  tonnage retained app.tonnage --where type:app.Session --limit 10 --index\n"
                 "  tonnage retained app.tonnage 0x7f0a12345680 --by module --sort count\n"
                 "  tonnage retained app.tonnage --where type:app.Session --by clodo --fold\n"
                 "  tonnage retained app.tonnage --against old.tonnage --where type:str\n"
                 "  tonnage retained app.tonnage --where 'module:app size:>=1k' --json --max-memory 2G\n"},
    {"flame", CLI_JSON | CLI_LIMIT | CLI_WHERE | CLI_MEMORY | CLI_BY | CLI_SITES | CLI_WHAT | CLI_FLAME, cmd_flame,
     "stacks as a tree: who called whom, and what was allocated or spent below",
     "What a flame graph draws, as a tree: below each frame those that it called, with what was allocated, is alive "
     "or\n"
     "was spent there and further in. Shown are the widest frames. retained is of objects that nothing but modules "
     "and\n"
     "the like holds, each with what it retains, at the stack that made it. cpu is where threads were seen, in a run\n"
     "that was sampled. docs/flame.md says more.\n",
     .by = "what a frame is; kinds below (default line)", .kinds = CLI_FRAME_KINDS, .few = 40,
     .limit = "frames shown, the widest", .where = "only blocks of these objects; conditions: " OBJECTS,
     .examples = "  tonnage flame app.tonnage --limit 100\n"
                 "  tonnage flame app.tonnage --what peak --by function --exclude '<frozen*'\n"
                 "  tonnage flame app.tonnage --invert --include any:app.py --color never\n"
                 "  tonnage flame app.tonnage --where type:dict --born 1000-2000\n"
                 "  tonnage flame app.tonnage --what cpu --json --max-memory 2G\n"},
    {"timeline", CLI_JSON | CLI_LIMIT | CLI_MEMORY, cmd_table,
     "how memory went before the snapshot, and when what is alive was allocated",
     "RSS, traced memory and threads as they were noted while the process lived, evenly spaced; and what is alive by "
     "the\n"
     "number of the allocation that made it, which --born of flame takes.\n",
     .limit = "moments shown",
     .examples = "  tonnage timeline app.tonnage --limit 40\n"
                 "  tonnage timeline app.tonnage --json --max-memory 2G\n",
     .view = tn_view_timeline},
    {"patterns", READING | CLI_BY | CLI_DEPTH | CLI_BRANCHES | CLI_AT | CLI_SKIP | CLI_NO_FOLD | CLI_AGAINST, cmd_table,
     "who refers to a set, kind by kind, and who to these",
     "Who refers to the selected objects: one row for each kind of referrer, below it the kinds that refer to those.\n"
     "An object stands in one row; other rows that refer to it, too, are told behind \"also from\", with how they do:\n"
     "\"also from a2 .PENDING (1)\". That is how cycles show. \"By\" is how a row refers. Modules, classes, frames "
     "and\n"
     "other roots end a branch. The __dict__ of an object is a part of it. --at a2b goes on from the row of that "
     "name;\n"
     "names are the same with the same --where, --by, --sort, --width, --fold and --against, whatever --depth, "
     "--limit\n"
     "and --skip are. Below the table stands the command that shows the rows that were left out.\n",
     .against = SINCE, .limit = "rows shown", .sort = "references, count or size: which kinds come first",
     .where = "who refers to these; conditions: " OBJECTS,
     .examples = "  tonnage patterns app.tonnage --where type:app.Session\n"
                 "  tonnage patterns app.tonnage --where type:str --by module --sort count --width 3\n"
                 "  tonnage patterns app.tonnage --where 'type:list size:>=64k' --depth 2 --no-fold\n"
                 "  tonnage patterns app.tonnage --where type:app.Session --at a2 --limit 40\n"
                 "  tonnage patterns app.tonnage --where type:app.Session --limit 20 --skip 20\n"
                 "  tonnage patterns app.tonnage --against old.tonnage\n"
                 "  tonnage patterns app.tonnage --where type:dict --json --max-memory 2G\n",
     .by = "which objects are of one kind; kinds below (default clodo)", .view = tn_view_patterns},
    {"paths",
     READING | CLI_BY | CLI_FOLD | CLI_THRESHOLD | CLI_AVOID | CLI_ALL | CLI_MERGE | CLI_MAY_ADDRESS | CLI_AGAINST,
     cmd_paths, "who holds an object: paths from modules and frames, as Python",
     "Paths from the roots to the object at ADDRESS, the shortest first, then the next longer ones; or the shortest "
     "one\n"
     "to each of the selected objects. Behind >>> stands what Python can evaluate where the modules are imported.\n"
     "--avoid keeps away from objects: a selection, or some of weak, caches, frames, tracebacks, closures, modules,\n"
     "classes, guessed and held (by C code), with commas between them. With --by the selected objects are parted, and\n"
     "the path is that to the largest of each group.\n",
     .by = "a path a group, that to its largest object; kinds below", .against = SINCE,
     .limit = "paths, or objects, shown", .sort = "of a set: size, length, address or type; of groups as groups has it",
     .where = "to these objects; conditions: " OBJECTS,
     .examples = "  tonnage paths app.tonnage 0x7f0a12345680 --limit 5\n"
                 "  tonnage paths app.tonnage 0x7f0a12345680 --all --avoid caches,frames,type:app.Registry\n"
                 "  tonnage paths app.tonnage --where type:app.Session --merge\n"
                 "  tonnage paths app.tonnage --where type:app.Session --threshold 1k --sort length\n"
                 "  tonnage paths app.tonnage --where size:>=64k --by type --fold\n"
                 "  tonnage paths app.tonnage --against old.tonnage --merge\n"
                 "  tonnage paths app.tonnage --where 'type:dict size:>=1M' --json --max-memory 2G\n"},
    {"refs", READING | CLI_THRESHOLD | CLI_BY | CLI_FOLD | CLI_DEPTH | CLI_MAY_ADDRESS | CLI_AGAINST, cmd_refs,
     "what an object refers to, as a tree; or a set, in groups",
     "The references of the object at ADDRESS, and of what it refers to (--depth); or those of all selected objects,\n"
     "in groups by the type at the other end and the label, with an example; or, with --by, by another kind of what "
     "is\n"
     "at the other end.\n",
     .by = ENDS, .against = SINCE, .limit = "rows shown, below each object",
     .sort = "as show has it; of groups: count, objects, size, type or label",
     .where = "of these objects; with ADDRESS: only references to these; conditions: " OBJECTS,
     .examples = "  tonnage refs app.tonnage 0x7f0a12345680 --depth 3 --limit 5\n"
                 "  tonnage refs app.tonnage 0x7f0a12345680 --where type:dict --threshold 1k --sort size\n"
                 "  tonnage refs app.tonnage --where type:app.Session --sort objects\n"
                 "  tonnage refs app.tonnage --where type:app.Session --by module --fold\n"
                 "  tonnage refs app.tonnage --against old.tonnage\n"
                 "  tonnage refs app.tonnage --where type:app.Session+ --json --max-memory 2G\n"},
    {"referrers", READING | CLI_THRESHOLD | CLI_BY | CLI_FOLD | CLI_DEPTH | CLI_MAY_ADDRESS | CLI_AGAINST,
     cmd_referrers, "what refers to an object, as a tree; or to a set, in groups",
     "The references to the object at ADDRESS, and to what refers to it (--depth); or those to all selected objects,\n"
     "in groups by the type of the referrer and the label, with an example; or, with --by, by another kind of the\n"
     "referrer.\n",
     .by = ENDS, .against = SINCE, .limit = "rows shown, below each object",
     .sort = "as show has it; of groups: count, objects, size, type or label",
     .where = "to these objects; with ADDRESS: only referrers of these; conditions: " OBJECTS,
     .examples = "  tonnage referrers app.tonnage 0x7f0a12345680 --depth 2 --limit 5\n"
                 "  tonnage referrers app.tonnage 0x7f0a12345680 --where 'type:app.*' --threshold 64 --sort type\n"
                 "  tonnage referrers app.tonnage --where type:app.Session --sort size\n"
                 "  tonnage referrers app.tonnage --where type:app.Session --by clodo --fold\n"
                 "  tonnage referrers app.tonnage --against old.tonnage\n"
                 "  tonnage referrers app.tonnage --where type:app.Session --json --max-memory 2G\n"},
    {"graph",
     READING | CLI_THRESHOLD | CLI_BY | CLI_NO_FOLD | CLI_HEADS | CLI_DEPTH | CLI_BRANCHES | CLI_AVOID | CLI_GARBAGE |
         CLI_MAY_ADDRESS | CLI_AGAINST | CLI_PICTURE | CLI_OUTPUT | CLI_FORCE,
     cmd_graph, "pictures: what refers to what, who holds it, cycles, groups by size",
     "A picture as DOT text or, with -o and the help of Graphviz, as SVG, PNG, PDF or PS. It shows the\n"
     "largest groups, and how many references lead from one to another; with --proportional their areas are their\n"
     "bytes. With ADDRESS, --refs, --backrefs or --paths: what the object, or the selected ones, refer to, what "
     "refers\n"
     "to them, or the paths that hold them. With --cycles: what cycles go over or, with --by id, object by object.\n"
     "What is beyond --depth and --width is counted, in a node \"12 more\". The __dict__ of an instance is drawn as "
     "the\n"
     "instance.\n",
     .by = "what a group is; of cycles type, site or id; kinds below (default type)", .few = 15,
     .limit = "groups, cycles, or objects that the picture begins with", .against = SINCE,
     .sort = "groups as groups has it; cycles: cycles, size, count, waiting; objects: size, address",
     .where = "only these objects; conditions: " OBJECTS,
     .examples =
         "  tonnage graph app.tonnage --by module --proportional -o app.svg\n"
         "  tonnage graph app.tonnage --heads modules --limit 8 --threshold 64k --sort count\n"
         "  tonnage graph app.tonnage 0x7f0a12345680 --backrefs --depth 4 --width 5 -o why.png --force\n"
         "  tonnage graph app.tonnage --where type:app.Session --refs --only 'module:app' --refcounts --full-names\n"
         "  tonnage graph app.tonnage 0x7f0a12345680 --paths --avoid caches --highlight type:dict --addresses\n"
         "  tonnage graph app.tonnage --cycles --garbage --by id --no-fold --retained\n"
         "  tonnage graph app.tonnage --against old.tonnage --json --max-memory 2G\n"},
    {"info", READING | CLI_THRESHOLD, cmd_table,
     "facts of the process, the interpreter and the capture; threads with stacks",
     "All facts in the file: process, interpreter, memory, allocators, collector, threads with their stacks\n"
     "(without the calls that took the snapshot), self-checks. With --sort, --where or --threshold a list of facts\n"
     "instead, each with its full name.\n",
     .limit = "frames shown of a thread, rows of a list", .sort = "size (facts in bytes first) or name",
     .where = "only these facts; conditions: text (in name or value) size",
     .examples = "  tonnage info app.tonnage --json --max-memory 2G\n"
                 "  tonnage info app.tonnage --where text:malloc --sort name --limit 0\n"
                 "  tonnage info app.tonnage --threshold 1M --sort size\n",
     .view = tn_view_info},
    {"check", READING, cmd_check, "whether the file is whole and its self-checks held",
     "Reads the whole file and verifies every hash and rule; then the self-checks of the capture. Opens cut files too\n"
     "and says what of them is whole. Exit code 1 when anything is wrong, selected or not.\n",
     .limit = "findings shown", .sort = "offset, status or message (default: as they were found)",
     .where = "only these findings; condition: text (in status or message)",
     .examples = "  tonnage check app.tonnage\n"
                 "  tonnage check app.tonnage --where text:checksum --sort offset --limit 0\n"
                 "  tonnage check app.tonnage --json --max-memory 2G\n"},
    {"export",
     CLI_TO | CLI_OUTPUT | CLI_FORCE | CLI_WHAT | CLI_COLUMNS | CLI_NODES | CLI_WHERE | CLI_AGAINST | CLI_MEMORY |
         CLI_PYTHON,
     cmd_export, "the snapshot for other programs: tables, Chrome's DevTools, pprof, flame graphs",
     "Writes objects, references, types or roots as a table. csv is one of them; parquet and arrow are a folder with\n"
     "a file of each, or with --what one file, and need pyarrow in the Python beside this command (--python names\n"
     "another). heapsnapshot is the whole graph, for the Memory panel of Chrome's DevTools; meliae is JSON lines, as\n"
     "Meliae's scanner writes them. pprof, speedscope and collapsed are stacks: those that allocated, of a program "
     "that\n"
     "was traced (what is alive, all there ever was, the high-water mark), or where threads were, of one that was\n"
     "sampled (--what cpu, the default where there is nothing else); of the latter also pstats and plop. Without --to\n"
     "the end of the name after -o says which; without -o all but parquet and arrow go to standard output. What is\n"
     "written is whole or not there, and for its owner only.\n",
     .where = "only these objects; conditions: " OBJECTS, .against = SINCE,
     .examples = "  tonnage export app.tonnage --to csv --where type:dict --max-memory 2G\n"
                 "  tonnage export app.tonnage --what references -o references.csv --force\n"
                 "  tonnage export app.tonnage --columns address,type,retained -o new.csv --against old.tonnage\n"
                 "  tonnage export app.tonnage --to parquet -o app.parquet --python .venv/bin/python\n"
                 "  tonnage export app.tonnage --max-nodes 1000000 -o app.heapsnapshot\n"
                 "  tonnage export app.tonnage --to meliae -o app.json\n"
                 "  tonnage export app.tonnage --to pprof --what peak -o app.pb.gz\n"
                 "  tonnage export app.tonnage --what cpu -o app.pstats\n"},
    {"import", CLI_OUTPUT | CLI_FORCE | CLI_MEMORY, cmd_import, "a dump of Meliae, tracemalloc or plop as a snapshot",
     "Makes a snapshot of the JSON lines that Meliae's scanner wrote; packed by gzip, too, or - for standard input. "
     "Its\n"
     "sizes are those of the dump; what a dump does not know, roots, names of references and reference counts, stays\n"
     "unknown. Or of what tracemalloc's Snapshot.dump wrote, which has stacks and no objects: a pickle, of which\n"
     "nothing is run. Or of what plop's collector wrote: stacks, and how often they were seen.\n",
     .examples = "  tonnage import dump.json -o app.tonnage --force --max-memory 2G\n"
                 "  tonnage import dump.json.gz -o app.tonnage\n"
                 "  tonnage import dump.pickle -o app.tonnage\n"
                 "  tonnage import profiles/app.plop -o app.tonnage\n"},
};
const size_t cli_n_verbs = sizeof cli_verbs / sizeof *cli_verbs;
