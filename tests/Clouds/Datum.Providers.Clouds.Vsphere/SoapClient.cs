using System.Net.Http.Headers;

namespace Datum.Providers.Clouds.Vsphere;

/// <summary>The way to vcsim: passes clients' requests on, and calls by a session of its own.</summary>
internal sealed class SoapClient : IDisposable
{
    private const string Cookie = "vmware_soap_session";

    private readonly HttpClient _http;
    private readonly Uri _address;
    private string _session = "";

    public SoapClient(Vcsim vcsim)
    {
        _address = vcsim.Address;
        var handler = new SocketsHttpHandler { UseCookies = false, UseProxy = false, AllowAutoRedirect = false };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.GetCertHashString() == vcsim.Certificate.GetCertHashString();
        _http = new HttpClient(handler) { Timeout = TimeSpan.FromMinutes(2) };
    }

    /// <summary>Sends a request on with a body of ours.</summary>
    public CloudResponse Send(CloudRequest request, ReadOnlyMemory<byte> body)
    {
        var query = string.Join('&', request.Query.Select(q => $"{Uri.EscapeDataString(q.Key)}={Uri.EscapeDataString(q.Value)}"));
        using var message = new HttpRequestMessage(new HttpMethod(request.Method), new Uri(_address, request.Path + (query.Length > 0 ? "?" + query : "")));
        if (!body.IsEmpty || request.Method is "POST" or "PUT" or "PATCH")
            message.Content = new ReadOnlyMemoryContent(body);
        foreach (var (name, value) in request.Headers)
        {
            if (name.Equals("Host", StringComparison.OrdinalIgnoreCase) || name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase)
                || name.Equals("Accept-Encoding", StringComparison.OrdinalIgnoreCase) || name.Equals("Connection", StringComparison.OrdinalIgnoreCase)
                || name.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase) || name.StartsWith(':'))
                continue;
            if (!message.Headers.TryAddWithoutValidation(name, value))
                message.Content?.Headers.TryAddWithoutValidation(name, value);
        }

        using var answer = _http.Send(message);
        using var stream = answer.Content.ReadAsStream();
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return new CloudResponse
        {
            Status = (int)answer.StatusCode,
            Body = copy.ToArray(),
            ContentType = answer.Content.Headers.ContentType?.ToString() ?? "text/plain",
            Headers = [.. answer.Headers.NonValidated.Where(h => h.Key is "Set-Cookie" or "Location").SelectMany(h => h.Value.Select(v => new KeyValuePair<string, string>(h.Key, v)))],
        };
    }

    /// <summary>Opens the own session.</summary>
    public void Login()
    {
        var (_, header) = Post(Soap.Element("Login", new MoRef("SessionManager", "SessionManager").As("_this"),
            Soap.Element("userName", Vcsim.User), Soap.Element("password", Vcsim.Password)), "");
        _session = header ?? throw new InvalidOperationException("vcsim opened no session.");
    }

    /// <summary>Calls an operation by the own session; the answer's element, or the fault thrown.</summary>
    public XElement Call(XElement operation) => Post(operation, _session).Answer;

    /// <summary>Calls an operation on an object.</summary>
    public XElement Call(string operation, MoRef target, params object?[] arguments) => Call(Soap.Element(operation, [target.As("_this"), .. arguments]));

    /// <summary>Calls an operation that answers with a task and returns the task's result; its error is thrown.</summary>
    public XElement? Run(XElement operation)
    {
        var task = MoRef.Of(Call(operation).Get("returnval")!);
        var info = Read(task, "info")["info"];
        if (info.Get("error") is { } error)
            throw VimFault.Of(error.Get("fault")!, Words.Of(Soap.TypeOf(error.Get("fault")!)));
        return info.Get("result");
    }

    /// <summary>Properties of an object by path; those that aren't set are missing.</summary>
    public Dictionary<string, XElement> Read(MoRef target, params ReadOnlySpan<string> paths) => ReadMany(target.Type, [target], paths)[target];

    /// <summary>Properties of objects of one type.</summary>
    public Dictionary<MoRef, Dictionary<string, XElement>> ReadMany(string type, IEnumerable<MoRef> targets, params ReadOnlySpan<string> paths)
    {
        var set = Soap.Element("propSet", Soap.Element("type", type));
        foreach (var path in paths)
            set.Add(Soap.Element("pathSet", path));
        var spec = Soap.Element("specSet", set);
        foreach (var target in targets)
            spec.Add(Soap.Element("objectSet", target.As("obj")));
        var found = new Dictionary<MoRef, Dictionary<string, XElement>>();
        if (spec.All("objectSet").Any())
            foreach (var item in Call("RetrievePropertiesEx", new MoRef("PropertyCollector", "propertyCollector"), spec, Soap.Element("options")).Descendants(Soap.Vim + "objects"))
                found[MoRef.Of(item.Get("obj")!)] = item.All("propSet").ToDictionary(p => p.Text("name")!, p => p.Get("val")!, StringComparer.Ordinal);
        return found;
    }

    /// <summary>All objects of a type in the inventory.</summary>
    public ImmutableArray<MoRef> List(string type)
    {
        var view = MoRef.Of(Call("CreateContainerView", new MoRef("ViewManager", "ViewManager"), new MoRef("Folder", "group-d1").As("container"),
            Soap.Element("type", type), Soap.Element("recursive", "true")).Get("returnval")!);
        try
        {
            return [.. Read(view, "view").TryGetValue("view", out var refs) ? refs.Elements().Select(MoRef.Of) : []];
        }
        finally
        {
            Call("DestroyView", view);
        }
    }

    /// <summary>What lies at an inventory path; null for nothing.</summary>
    public MoRef? Find(string path) =>
        Call("FindByInventoryPath", new MoRef("SearchIndex", "SearchIndex"), Soap.Element("inventoryPath", path)).Get("returnval") is { } found ? MoRef.Of(found) : null;

    /// <summary>A child by name; null for none.</summary>
    public MoRef? FindChild(MoRef parent, string name) =>
        Call("FindChild", new MoRef("SearchIndex", "SearchIndex"), parent.As("entity"), Soap.Element("name", name)).Get("returnval") is { } found ? MoRef.Of(found) : null;

    /// <summary>
    /// Destroys an object. vcsim takes a machine off the lists of the pool and host that it is on; a template has no pool and one that was moved has
    /// another host, and every view would trip over what the old lists hold. So these are set right before.
    /// </summary>
    public void Destroy(MoRef target)
    {
        if (target.Type == "VirtualMachine")
        {
            var now = Read(target, "config.template", "runtime.host");
            if (now.GetValueOrDefault("config.template")?.Value == "true" && Lister("ResourcePool", target) is { } pool)
                Call("MarkAsVirtualMachine", target, pool.As("pool"));
            if (Lister("HostSystem", target) is { } host && now.TryGetValue("runtime.host", out var on) && MoRef.Of(on) != host)
                Run(Soap.Element("RelocateVM_Task", target.As("_this"), Soap.Element("spec", host.As("host"))));
        }

        Run(Soap.Element("Destroy_Task", target.As("_this")));
    }

    private MoRef? Lister(string type, MoRef machine) =>
        ReadMany(type, List(type), "vm").Where(p => p.Value.TryGetValue("vm", out var all) && all.Elements().Any(m => m.Value == machine.Value)).Select(p => p.Key).FirstOrDefault();

    public void Dispose() => _http.Dispose();

    private (XElement Answer, string? Session) Post(XElement operation, string session)
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, new Uri(_address, "sdk")) { Content = new ByteArrayContent(Soap.Write(operation)) };
        message.Content.Headers.ContentType = new MediaTypeHeaderValue("text/xml", "utf-8");
        message.Headers.Add("SOAPAction", "\"urn:vim25/6.5\"");
        if (session.Length > 0)
            message.Headers.Add("Cookie", $"{Cookie}={session}");
        using var answer = _http.Send(message);
        using var stream = answer.Content.ReadAsStream();
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        var content = Soap.Read(copy.ToArray());
        if (Soap.FaultOf(content) is { } fault)
            throw fault;
        var set = answer.Headers.TryGetValues("Set-Cookie", out var cookies) ? cookies.FirstOrDefault(c => c.StartsWith(Cookie + "=", StringComparison.Ordinal)) : null;
        return (content, set?[(Cookie.Length + 1)..].Split(';')[0]);
    }
}
