using System.Globalization;

namespace Datum.Providers.Clouds.Vsphere;

/// <summary>
/// Tasks that take time. vcsim has done a task before it answers; here its request goes to vcsim only when the time is up, so that nothing finds
/// the result before. A task whose time is nothing is done at once, and a fault that vcsim answers with instead of a task is answered likewise.
/// </summary>
public sealed partial class VsphereCloud
{
    private readonly Dictionary<string, Work> _tasks = new(StringComparer.Ordinal);
    private FaultRule? _planned;
    private int _made;

    /// <summary>Tasks that haven't ended.</summary>
    public int RunningTasks { get { lock (_gate) { Settle(); return _tasks.Values.Count(t => t.Ended is null); } } }

    /// <summary>From now on no task can be found; the work goes on.</summary>
    public void ForgetTasks()
    {
        lock (_gate)
            foreach (var task in _tasks.Values)
                task.Forgotten = true;
    }

    private sealed class Work
    {
        public required string Id { get; init; }

        public required string Operation { get; init; }

        public required MoRef Entity { get; init; }

        public required DateTimeOffset Queued { get; init; }

        public required Func<XElement?> Effect { get; init; }

        /// <summary>Null: it waits for an answer to a question.</summary>
        public DateTimeOffset? Due { get; set; }

        /// <summary>Folder and name that it takes when it is done.</summary>
        public (MoRef Folder, string Name)? Takes { get; init; }

        public FaultRule? Planned { get; init; }

        public DateTimeOffset? Ended { get; set; }

        public XElement? Result { get; set; }

        public VimFault? Error { get; set; }

        public bool Forgotten { get; set; }

        public MoRef Ref => new("Task", Id);
    }

    private XElement Start(SoapCall call, Func<XElement?> effect, (MoRef, string)? takes = null, bool exclusive = true, bool asks = false, bool quick = false)
    {
        if (call.This.Type is "VirtualMachine" or "DistributedVirtualPortgroup" or "Folder")
            CheckThere(call.This);
        if (exclusive && call.This.Type == "VirtualMachine" && _tasks.Values.FirstOrDefault(t => t.Ended is null && t.Entity == call.This && t.Operation != "CloneVM_Task") is { } other)
            throw Fault("TaskInProgress", other.Ref.As("task"));
        var duration = quick ? TimeSpan.Zero : Knobs.DurationOf(call.Operation);
        var work = new Work
        {
            Id = $"task-p{++_made}",
            Operation = call.Operation,
            Entity = call.This,
            Queued = Now,
            Due = asks ? null : Now + duration,
            Effect = effect,
            Takes = takes,
            Planned = _planned is { Moment: FaultMoment.InTask or FaultMoment.InTaskAfter } planned ? planned : null,
        };
        if (!asks && duration <= TimeSpan.Zero)
        {
            Finish(work);
            if (work.Error is { AtOnce: true } fault)
                throw fault;
        }

        _tasks[work.Id] = work;
        return Response(call.Operation, work.Ref.As("returnval"));
    }

    private void Finish(Work work)
    {
        work.Ended = work.Due ?? Now;
        try
        {
            if (work.Planned is { Moment: FaultMoment.InTask } planned)
                throw Fault(planned.Fault ?? "SystemError");
            work.Result = work.Effect();
            if (work.Planned is { Moment: FaultMoment.InTaskAfter } late)
                throw Fault(late.Fault ?? "SystemError");
        }
        catch (VimFault fault)
        {
            work.Error = fault;
            work.Result = null;
        }

        Tell?.Invoke(string.Create(CultureInfo.InvariantCulture, $"{work.Operation} {work.Entity.Value} {(work.Ended - work.Queued).Value.TotalSeconds:0.0}"));
    }

    // What has become due by the clock, in its order: tasks, guests, sessions.
    private void Settle()
    {
        while (_tasks.Values.Where(t => t.Ended is null && t.Due <= Now).MinBy(t => (t.Due, t.Queued)) is { } work)
            Finish(work);
        foreach (var old in _tasks.Values.Where(t => t.Ended + Knobs.TaskLife <= Now).Select(t => t.Id).ToList())
            _tasks.Remove(old);
        foreach (var idle in _sessions.Where(s => s.Value.Last + Knobs.SessionIdle <= Now).Select(s => s.Key).ToList())
            _sessions.Remove(idle);
        foreach (var idle in _restSessions.Where(s => s.Value.Last + Knobs.SessionIdle <= Now).Select(s => s.Key).ToList())
            _restSessions.Remove(idle);
        SettleGuests();
    }

    private XElement CancelTask(SoapCall call)
    {
        var work = FindTask(call.This) ?? throw Fault("ManagedObjectNotFound", call.This.As("obj"));
        if (work.Ended is not null)
            throw Fault("InvalidState");
        work.Ended = Now;
        work.Error = Fault("RequestCanceled");
        return Response(call.Operation);
    }

    private Work? FindTask(MoRef task) => _tasks.TryGetValue(task.Value, out var work) && !work.Forgotten ? work : null;

    private XElement Info(Work work)
    {
        var progress = work.Due is { } due && due > work.Queued ? (int)Math.Clamp(100 * (Now - work.Queued) / (due - work.Queued), 0, 99) : 0;
        var info = Soap.Element("info", Soap.Type("TaskInfo"),
            Soap.Element("key", work.Id), work.Ref.As("task"), Soap.Element("name", work.Operation),
            Soap.Element("descriptionId", $"{work.Entity.Type}.{char.ToLowerInvariant(work.Operation[0])}{work.Operation[1..].Replace("_Task", "", StringComparison.Ordinal)}"),
            work.Entity.As("entity"), Soap.Element("entityName", work.Entity.Value),
            Soap.Element("state", work.Ended is null ? "running" : work.Error is null ? "success" : "error"),
            Soap.Element("cancelled", work.Error?.Type == "RequestCanceled" ? "true" : "false"), Soap.Element("cancelable", "true"));
        if (work.Error is { } error)
            info.Add(Soap.Element("error", Soap.Element("fault", [Soap.Type(error.Type), .. error.Copies()]), Soap.Element("localizedMessage", error.Message)));
        if (work.Result is { } result)
            info.Add(new XElement(result) { Name = Soap.Vim + "result" });
        if (work.Ended is null)
            info.Add(Soap.Element("progress", progress.ToString(CultureInfo.InvariantCulture)));
        info.Add(Soap.Element("reason", Soap.Type("TaskReasonUser"), Soap.Element("userName", Vcsim.User)),
            Soap.Element("queueTime", Time(work.Queued)), Soap.Element("startTime", Time(work.Queued)));
        if (work.Ended is { } ended)
            info.Add(Soap.Element("completeTime", Time(ended)));
        info.Add(Soap.Element("eventChainId", "1"));
        return info;
    }

    private static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    private void CheckThere(MoRef target) => _vcsim.Read(target, "name");

    // ---- others' clients wait for tasks by a filter --------------------------------------------------------------------

    private readonly Dictionary<string, (string Filter, string Task, string Shown)> _filters = new(StringComparer.Ordinal);

    private XElement CreateFilter(SoapCall call)
    {
        var task = call.Body.Descendants(Soap.Vim + "obj").Select(MoRef.Of).FirstOrDefault(o => o.Type == "Task" && _tasks.ContainsKey(o.Value));
        if (task is null)
            return Pass(call);
        var filter = $"session[{call.Session}]filter-p{++_made}";
        _filters[call.This.Value] = (filter, task.Value, "");
        return Response(call.Operation, new MoRef("PropertyFilter", filter).As("returnval"));
    }

    private CloudResponse Wait(SoapCall call)
    {
        // A client that waits is answered when something changed, or with nothing after its time (here at most ten seconds).
        for (var i = 0; i < 500; i++)
        {
            lock (_gate)
            {
                Settle();
                if (i == 0 && Note(call.Operation, $"{call.This}", 200) is { Moment: FaultMoment.Before } rule)
                    return Broken(rule);
                if (!_sessions.ContainsKey(call.Session))
                    return Answer(Soap.Fault(Fault("NotAuthenticated", call.This.As("object"), Soap.Element("privilegeId", "System.View"))));
                if (!_filters.TryGetValue(call.This.Value, out var filter))
                    break;
                if (_tasks.TryGetValue(filter.Task, out var work) && Info(work) is var info && info.Text("state") != filter.Shown)
                {
                    _filters[call.This.Value] = filter with { Shown = info.Text("state")! };
                    info.Name = Soap.Vim + "val";
                    return Answer(Response(call.Operation, Soap.Element("returnval", Soap.Element("version", (++_made).ToString(CultureInfo.InvariantCulture)),
                        Soap.Element("filterSet", new MoRef("PropertyFilter", filter.Filter).As("filter"),
                            Soap.Element("objectSet", Soap.Element("kind", filter.Shown.Length == 0 ? "enter" : "modify"), work.Ref.As("obj"),
                                Soap.Element("changeSet", Soap.Element("name", "info"), Soap.Element("op", "assign"), info))))));
                }
            }

            Thread.Sleep(20);
            if (i == 499)
                return Answer(Response(call.Operation));
        }

        return _vcsim.Send(call.Request, Soap.Write(call.Body));
    }
}
