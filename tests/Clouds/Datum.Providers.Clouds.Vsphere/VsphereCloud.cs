using System.Globalization;
using System.Xml;

namespace Datum.Providers.Clouds.Vsphere;

/// <summary>
/// A thin proxy in front of vcsim. It passes SOAP, REST and files on, mends what vcsim gets wrong (docs/providers/vsphere-double.md has the list),
/// lets tasks and guests take time by the clock that it is given, and breaks what a test asks it to break. One for each test over a shared
/// <see cref="Vcsim"/>: making it brings the inventory back to its standard.
/// </summary>
public sealed partial class VsphereCloud : ICloud, IDisposable
{
    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly SoapClient _vcsim;
    private readonly List<VsphereCall> _calls = [];
    private readonly List<string> _violations = [];
    private readonly List<(FaultRule Rule, int[] Seen)> _rules = [];
    private readonly Dictionary<string, Func<SoapCall, XElement>> _handlers;
    private readonly HashSet<MoRef> _standard = [];

    /// <summary>Logs in and restores the inventory.</summary>
    public VsphereCloud(Vcsim vcsim, TimeProvider time, VsphereKnobs? knobs = null)
    {
        _time = time;
        Knobs = knobs ?? new VsphereKnobs();
        _vcsim = new SoapClient(vcsim);
        _vcsim.Login();
        _handlers = new(StringComparer.Ordinal)
        {
            ["RetrieveServiceContent"] = Content,
            ["CurrentTime"] = c => Response(c.Operation, Soap.Element("returnval", Soap.Type("xsd:dateTime"), Time(Now))),
            ["Login"] = Login,
            ["LoginByToken"] = _ => throw Fault("InvalidLogin"),
            ["Logout"] = Logout,
            ["SessionIsActive"] = SessionIsActive,
            ["AcquireGenericServiceTicket"] = Ticket,
            ["RetrievePropertiesEx"] = Retrieve,
            ["RetrieveProperties"] = Retrieve,
            ["ContinueRetrievePropertiesEx"] = Continue,
            ["CancelRetrievePropertiesEx"] = CancelRetrieve,
            ["CreateFilter"] = CreateFilter,
            ["FindByUuid"] = FindOne,
            ["FindByInventoryPath"] = FindOne,
            ["FindChild"] = FindOne,
            ["FindAllByUuid"] = FindAllByUuid,
            ["CancelTask"] = CancelTask,
            ["CloneVM_Task"] = Clone,
            ["CreateVM_Task"] = CreateMachine,
            ["ReconfigVM_Task"] = Reconfigure,
            ["Rename_Task"] = Rename,
            ["MoveIntoFolder_Task"] = Move,
            ["PowerOnVM_Task"] = PowerOn,
            ["PowerOffVM_Task"] = PowerAway,
            ["SuspendVM_Task"] = PowerAway,
            ["ResetVM_Task"] = Reset,
            ["ShutdownGuest"] = ShutdownGuest,
            ["RebootGuest"] = RebootGuest,
            ["AnswerVM"] = AnswerMachine,
            ["Destroy_Task"] = Destroy,
            ["DeleteDatastoreFile_Task"] = DeleteDatastoreFile,
            ["CreateDVPortgroup_Task"] = CreatePortgroup,
            ["ReconfigureDVPortgroup_Task"] = ReconfigurePortgroup,
        };
        AddDisks();
        _rest = new RestClient(_vcsim);
        Inventory.Restore(_vcsim, _rest);
        foreach (var known in _vcsim.List("VirtualMachine").Concat(_vcsim.List("DistributedVirtualPortgroup")))
            _standard.Add(known);
    }

    /// <summary>What sort of day it has; may be exchanged at any time.</summary>
    public VsphereKnobs Knobs { get; set; }

    /// <summary>Holds messages to VMware's description; null for not at all.</summary>
    public VimDescription? Description { get; init; }

    /// <summary>Whether a request that the description doesn't allow is refused. Default true; others' clients speak other versions.</summary>
    public bool HoldsRequests { get; init; } = true;

    /// <summary>Called with a line for each task that ended and each guest that started: what it was, on what, and how many seconds it took.</summary>
    public Action<string>? Tell { get; init; }

    /// <summary>Requests and answers that the description doesn't allow.</summary>
    public IReadOnlyList<string> Violations { get { lock (_gate) return [.. _violations]; } }

    /// <summary>Every request so far.</summary>
    public IReadOnlyList<VsphereCall> Calls { get { lock (_gate) return [.. _calls]; } }

    /// <summary>How often an operation was called.</summary>
    public int Count(string operation) { lock (_gate) return _calls.Count(c => c.Operation == operation); }

    private DateTimeOffset Now => _time.GetUtcNow() + Knobs.Skew;

    /// <summary>Plans a fault.</summary>
    public void Break(FaultRule rule) { lock (_gate) _rules.Add((rule, [0])); }

    /// <summary>Takes all planned faults back.</summary>
    public void Heal() { lock (_gate) _rules.Clear(); }

    /// <inheritdoc/>
    public void Dispose()
    {
        ClearFiles();
        _vcsim.Dispose();
    }

    /// <inheritdoc/>
    public CloudResponse Handle(CloudRequest request)
    {
        if (request.Method == "POST" && request.Path.TrimEnd('/') is "/sdk" or "/sdk/vimService")
            return HandleSoap(request);
        lock (_gate)
        {
            Settle();
            return request.Path.StartsWith("/rest/", StringComparison.Ordinal) ? HandleRest(request)
                : request.Path.StartsWith("/folder/", StringComparison.Ordinal) ? HandleFile(request) : _vcsim.Send(request, request.Body);
        }
    }

    private CloudResponse HandleSoap(CloudRequest request)
    {
        SoapCall call;
        try
        {
            call = new SoapCall(request, Soap.Read(request.Body));
        }
        catch (Exception e) when (e is XmlException or InvalidDataException)
        {
            lock (_gate)
                _violations.Add("A request is no SOAP: " + e.Message);
            return Answer(Soap.Fault(new VimFault("InvalidRequest", e.Message)));
        }

        // It waits for changes, and others may make them meanwhile.
        if (call.Operation is "WaitForUpdatesEx" or "WaitForUpdates")
            return Wait(call);
        lock (_gate)
        {
            Settle();
            var rule = Note(call.Operation, $"{call.This}", 200);
            if (rule is { Moment: FaultMoment.Before })
                return Broken(rule);
            var answer = Answer(call, rule);
            return rule is { Moment: FaultMoment.After } ? Broken(rule) : answer;
        }
    }

    private CloudResponse Answer(SoapCall call, FaultRule? rule = null)
    {
        XElement content;
        try
        {
            if (Knobs.Overloaded is { } wait)
                return Overloaded(wait);
            if (Description is { } description && description.CheckRequest(call.Body) is { Length: > 0 } wrong && HoldsRequests)
            {
                _violations.AddRange(wrong);
                throw new VimFault("InvalidRequest", string.Join("; ", wrong));
            }

            CheckSession(call);
            CheckPrivilege(call);
            _planned = rule;
            content = _handlers.TryGetValue(call.Operation, out var handler) ? handler(call)
                : call.Operation.EndsWith("_Task", StringComparison.Ordinal) ? Start(call, () => _vcsim.Run(call.Body)) : Pass(call);
        }
        catch (VimFault fault)
        {
            content = Soap.Fault(fault.Message.Length > 0 ? fault : new VimFault(fault.Type, Words.Of(fault.Type), fault.Copies()));
        }
        catch (HttpRequestException e)
        {
            // vcsim ends the connection when something is missing that it takes for granted.
            _violations.Add($"vcsim gave up over a {call.Operation}: {e.Message}");
            content = Soap.Fault(Fault("SystemError", Soap.Element("reason", "Internal error.")));
        }
        finally
        {
            _planned = null;
        }

        if (Description?.CheckAnswer(call.Operation, content) is { Length: > 0 } faults)
            _violations.AddRange(faults);
        return Answer(content) with { Headers = call.AnswerHeaders };
    }

    private static CloudResponse Answer(XElement content) => new()
    {
        Status = content.Name.LocalName == "Fault" ? 500 : 200,
        Body = Soap.Write(content),
        ContentType = "text/xml; charset=utf-8",
    };

    private static CloudResponse Overloaded(TimeSpan wait) => CloudResponse.Text(503, "Service Unavailable") with
    {
        Headers = [new("Retry-After", wait.TotalSeconds.ToString("0", CultureInfo.InvariantCulture))],
    };

    // By the client's own session: views and filters belong to it.
    private XElement Pass(SoapCall call)
    {
        var request = call.Anonymous ? call.Request with { Headers = [.. call.Request.Headers.Where(h => !h.Key.Equals("Cookie", StringComparison.OrdinalIgnoreCase))] } : call.Request;
        var answer = _vcsim.Send(request, Soap.Write(call.Body));
        call.AnswerHeaders = answer.Headers;
        var content = Soap.Read(answer.Body);
        return Soap.FaultOf(content) is { } fault ? throw fault : content;
    }

    private FaultRule? Note(string operation, string target, int status)
    {
        _calls.Add(new VsphereCall(_time.GetUtcNow(), operation, target, status));
        FaultRule? hit = null;
        foreach (var (rule, seen) in _rules)
            if (rule.Operation == "*" || rule.Operation == operation)
            {
                seen[0]++;
                if (seen[0] >= rule.Nth && seen[0] - rule.Nth < rule.Times)
                    hit ??= rule;
            }

        return hit;
    }

    private static CloudResponse Broken(FaultRule rule)
    {
        if (rule.Hangs is { } hangs)
            throw new CloudBrokenException(hangs);
        if (rule.Status is { } status)
            return CloudResponse.Text(status, "");
        return Answer(Soap.Fault(Fault(rule.Fault ?? "SystemError")));
    }

    private static VimFault Fault(string type, params object[] members) => new(type, Words.Of(type), members);

    private static XElement Response(string operation, params object?[] content) => Soap.Element(operation + "Response", content);

    /// <summary>A SOAP call.</summary>
    private sealed class SoapCall(CloudRequest request, XElement body)
    {
        public CloudRequest Request => request;

        public XElement Body => body;

        public string Operation => body.Name.LocalName;

        public MoRef This { get; } = body.Get("_this") is { } target ? MoRef.Of(target) : new MoRef("", "");

        public ImmutableArray<KeyValuePair<string, string>> AnswerHeaders { get; set; } = [];

        /// <summary>It has no session that counts, whatever cookie it brings.</summary>
        public bool Anonymous { get; set; }

        public string Session => request.Headers.Where(h => h.Key.Equals("Cookie", StringComparison.OrdinalIgnoreCase)).SelectMany(h => h.Value.Split(';'))
            .Select(c => c.Trim()).Where(c => c.StartsWith("vmware_soap_session=", StringComparison.Ordinal)).Select(c => c["vmware_soap_session=".Length..].Trim('"')).FirstOrDefault() ?? "";

        public XElement Need(string argument) => body.Get(argument) ?? throw new VimFault("InvalidArgument", "A specified parameter was not correct: " + argument, Soap.Element("invalidProperty", argument));
    }
}

/// <summary>A request that was made.</summary>
/// <param name="At">When.</param>
/// <param name="Operation">The SOAP operation, or for REST the method and the path below <c>/rest/</c>.</param>
/// <param name="Target">What it was called on.</param>
/// <param name="Status">What REST answered; 200 for SOAP.</param>
public sealed record VsphereCall(DateTimeOffset At, string Operation, string Target, int Status);
