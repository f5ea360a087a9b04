using System.Globalization;

namespace Datum.Providers.Clouds.Proxmox;

/// <summary>Tasks: what takes time, and how it ended.</summary>
public sealed partial class ProxmoxCloud
{
    private static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(10);
    private readonly List<PveTask> _tasks = [];
    private readonly List<(string Type, string Exit)> _failures = [];
    private int _pids = 0x4000;

    /// <summary>Every task that the cluster remembers.</summary>
    public IReadOnlyList<ProxmoxTask> Tasks { get { lock (_gate) { Settle(); return [.. _tasks.Select(t => new ProxmoxTask(t.Upid, t.Node, t.Type, t.Id, t.Exit, t.Start, t.Exit is null ? t.Due : t.End))]; } } }

    /// <summary>The next task of a type (<c>*</c>: of any) ends with this status and does nothing.</summary>
    public void FailNext(string type, string exit)
    {
        lock (_gate)
            _failures.Add((type, exit));
    }

    /// <summary>The cluster forgets a task, as a node does that lost its log; what it does goes on.</summary>
    public bool LoseTask(string upid)
    {
        lock (_gate)
            return _lost.Add(upid) && _tasks.Exists(t => t.Upid == upid);
    }

    /// <summary>The cluster forgets every task so far.</summary>
    public void ForgetTasks()
    {
        lock (_gate)
            _lost.UnionWith(_tasks.Select(t => t.Upid));
    }

    private readonly HashSet<string> _lost = [];

    private void AddTaskRoutes()
    {
        _routes.Add("GET", "/cluster/tasks", null, r => new JsonArray([.. Visible(r).Select(t => (JsonNode)Listed(t))]));
        _routes.Add("GET", "/nodes/{node}/tasks", null, ListTasks);
        _routes.Add("GET", "/nodes/{node}/tasks/{upid}", null, r => { TaskOf(r); return Index("log", "status"); });
        _routes.Add("GET", "/nodes/{node}/tasks/{upid}/status", null, ShowTask);
        _routes.Add("GET", "/nodes/{node}/tasks/{upid}/log", null, ShowLog);
        _routes.Add("DELETE", "/nodes/{node}/tasks/{upid}", null, StopTask);
    }

    /// <summary>Begins a task; without a duration it has ended when this returns. <paramref name="undo"/> takes back what was begun when it is made to fail; it takes <paramref name="longer"/> than others of its type.</summary>
    private JsonNode Begin(PveRequest r, string type, string id, string node, Action<PveTask> work, Machine? holds = null, Action? undo = null, TimeSpan longer = default)
    {
        var duration = Knobs.Durations.TryGetValue(type, out var known) ? known : Knobs.DefaultDuration;
        var start = Now;
        // Who comes second waits for the lock, for ten seconds.
        var free = holds is { } machine && machine.BusyUntil > start ? machine.BusyUntil : start;
        var waits = free - start > LockPatience;
        var due = waits ? start + LockPatience : free + duration + longer;
        var pid = ++_pids;
        var upid = string.Create(CultureInfo.InvariantCulture, $"UPID:{node}:{pid:X8}:{(start.ToUnixTimeSeconds() & 0xFFFFFF) * 100:X8}:{start.ToUnixTimeSeconds():X8}:{type}:{id}:{r.Caller.Name}:");
        var failure = waits ? $"can't lock file '/var/lock/qemu-server/lock-{holds!.Id}.conf' - got timeout" : TakeFailure(type);
        var task = new PveTask
        {
            Upid = upid,
            Node = node,
            Type = type,
            Id = id,
            User = r.Caller.Name,
            Pid = pid,
            Start = start,
            Due = due,
            Work = failure is null ? work : _ =>
            {
                undo?.Invoke();
                throw PveError.Failed(failure);
            },
        };
        _tasks.Add(task);
        if (holds is not null && !waits)
            holds.BusyUntil = due;
        Settle();
        return upid;
    }

    private string? TakeFailure(string type)
    {
        var at = _failures.FindIndex(f => f.Type == type || f.Type == "*");
        if (at < 0)
            return null;
        var exit = _failures[at].Exit;
        _failures.RemoveAt(at);
        return exit;
    }

    /// <summary>Does what is due, in the order in which it became so.</summary>
    private void Settle()
    {
        while (_tasks.Where(t => t.Exit is null && t.Due <= Now).MinBy(t => t.Due) is { } task)
        {
            // A worker that hangs doesn't end itself: what begins in it (a reload on every node) stands behind it.
            task.Exit = "OK";
            task.End = task.Due;
            try
            {
                task.Work(task);
            }
            catch (PveError e)
            {
                task.Exit = e.Message.Split('\n')[0];
            }

            task.Log.Add(task.Exit == "OK" || task.Exit.StartsWith("WARNINGS", StringComparison.Ordinal) ? "TASK " + task.Exit : "TASK ERROR: " + task.Exit);
        }

        if (_gone.Count > 0)
            _gone.RemoveAll(g => g.Until <= Now);
    }

    private IEnumerable<PveTask> Visible(PveRequest r) => _tasks.Where(t => !_lost.Contains(t.Upid) && (t.User == r.Caller.Name || Has(r.Caller, "/nodes/" + t.Node, "Sys.Audit"))).Reverse();

    private JsonNode? ListTasks(PveRequest r)
    {
        var source = r.Find("source") ?? "archive";
        var wanted = Visible(r).Where(t => t.Node == r.Text("node") && (source == "all" || (source == "active") == (t.Exit is null)));
        if (r.Find("vmid") is { } id)
            wanted = wanted.Where(t => t.Id == id);
        if (r.Find("typefilter") is { } type)
            wanted = wanted.Where(t => t.Type.StartsWith(type, StringComparison.Ordinal));
        if (r.Find("userfilter") is { } user)
            wanted = wanted.Where(t => t.User.Contains(user, StringComparison.Ordinal));
        if (r.Flag("errors"))
            wanted = wanted.Where(t => t.Exit is { } exit && exit != "OK" && !exit.StartsWith("WARNINGS", StringComparison.Ordinal));
        if (r.Number("since") is { } since)
            wanted = wanted.Where(t => t.Start.ToUnixTimeSeconds() >= since);
        if (r.Number("until") is { } until)
            wanted = wanted.Where(t => t.Start.ToUnixTimeSeconds() <= until);
        return new JsonArray([.. wanted.Skip((int)(r.Number("start") ?? 0)).Take((int)(r.Number("limit") ?? 50)).Select(t => (JsonNode)Listed(t))]);
    }

    private static JsonObject Listed(PveTask task)
    {
        var shown = Described(task);
        shown["status"] = task.Exit ?? "RUNNING";
        if (task.Exit is not null)
            shown["endtime"] = task.End.ToUnixTimeSeconds();
        return shown;
    }

    private static JsonObject Described(PveTask task)
    {
        // A token's name stands apart here, and not in the UPID.
        var who = task.User.Split('!');
        var shown = new JsonObject
        {
            ["upid"] = task.Upid,
            ["node"] = task.Node,
            ["pid"] = task.Pid,
            ["pstart"] = (task.Start.ToUnixTimeSeconds() & 0xFFFFFF) * 100,
            ["starttime"] = task.Start.ToUnixTimeSeconds(),
            ["type"] = task.Type,
            ["id"] = task.Id,
            ["user"] = who[0],
        };
        if (who.Length > 1)
            shown["tokenid"] = who[1];
        return shown;
    }

    private PveTask TaskOf(PveRequest r, string privilege = "Sys.Audit")
    {
        var upid = r.Text("upid");
        if (!upid.StartsWith("UPID:", StringComparison.Ordinal) || upid.Split(':') is not { Length: >= 9 } parts)
            throw PveError.Parameter("upid", "unable to parse worker upid");
        if (parts[1] != r.Text("node") || _lost.Contains(upid) || _tasks.Find(t => t.Upid == upid) is not { } task)
            throw PveError.Parameter("upid", "no such task");
        if (task.User != r.Caller.Name)
            DemandAny(r.Caller, "/nodes/" + task.Node, privilege);
        return task;
    }

    private JsonNode? ShowTask(PveRequest r)
    {
        var task = TaskOf(r);
        var shown = Described(task);
        shown["status"] = task.Exit is null ? "running" : "stopped";
        if (task.Exit is not null)
            shown["exitstatus"] = task.Exit;
        return shown;
    }

    private JsonNode? ShowLog(PveRequest r)
    {
        var task = TaskOf(r);
        var start = (int)(r.Number("start") ?? 0);
        return new JsonArray([.. task.Log.Index().Skip(start).Take((int)(r.Number("limit") ?? 50)).Select(l => (JsonNode)new JsonObject { ["n"] = l.Index + 1, ["t"] = l.Item })]);
    }

    private JsonNode? StopTask(PveRequest r)
    {
        var task = TaskOf(r, "Sys.Modify");
        if (task.Exit is not null)
            return null;
        task.Exit = "interrupted by signal";
        task.End = Now;
        // What a clone had begun is taken back.
        if (task.Type == "qmclone")
            DropUnfinished(task);
        return null;
    }
}
