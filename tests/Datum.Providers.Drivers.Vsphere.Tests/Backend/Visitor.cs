using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Vsphere;
using static Datum.Providers.Clouds.Vsphere.Soap;

namespace Datum.Providers.Drivers.Vsphere.Tests.Backend;

/// <summary>A client of a vCenter that is no driver: logged in, over the proxy or straight to vcsim.</summary>
internal sealed class Visitor : IDisposable
{
    private readonly HttpClient _http;
    private string? _cookie;
    private string? _rest;

    private Visitor(HttpClient http) => _http = http;

    public static Visitor At(VsphereCloud cloud) => new(new HttpClient(new CloudHandler(cloud)) { BaseAddress = new Uri("https://vcenter.test/") });

    public static Visitor AtBare(Vcsim vcsim) => new(new HttpClient(new SocketsHttpHandler
    {
        UseCookies = false,
        SslOptions = { RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.GetCertHashString() == vcsim.Certificate.GetCertHashString() },
    })
    { BaseAddress = vcsim.Address });

    public Visitor LogIn(string user = Vcsim.User, string password = Vcsim.Password)
    {
        Call("Login", new MoRef("SessionManager", "SessionManager"), Element("userName", user), Element("password", password));
        return this;
    }

    /// <summary>The answer's element; a fault is thrown.</summary>
    public XElement Call(string operation, MoRef target, params object?[] arguments)
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, "sdk") { Content = new ByteArrayContent(Write(Element(operation, [target.As("_this"), .. arguments]))) };
        message.Content.Headers.ContentType = new MediaTypeHeaderValue("text/xml", "utf-8");
        message.Headers.Add("SOAPAction", "\"urn:vim25/6.5\"");
        if (_cookie is not null)
            message.Headers.Add("Cookie", _cookie);
        using var answer = _http.SendAsync(message).GetAwaiter().GetResult();
        if (answer.Headers.TryGetValues("Set-Cookie", out var cookies))
            _cookie = cookies.First().Split(';')[0];
        var body = answer.Content.ReadAsByteArrayAsync().GetAwaiter().GetResult();
        if (body.Length == 0)
            throw new HttpRequestException($"{(int)answer.StatusCode}", null, answer.StatusCode);
        var content = Soap.Read(body);
        return FaultOf(content) is { } fault ? throw fault : content;
    }

    /// <summary>Calls what answers with a task; its id.</summary>
    public MoRef Begin(string operation, MoRef target, params object?[] arguments) => MoRef.Of(Call(operation, target, arguments).Get("returnval")!);

    /// <summary>Calls what answers with a task that is done at once: its result, or its error thrown.</summary>
    public MoRef? Run(string operation, MoRef target, params object?[] arguments)
    {
        var info = Info(Begin(operation, target, arguments));
        if (info.Get("error") is { } error)
            throw VimFault.Of(error.Get("fault")!, error.Text("localizedMessage") ?? "");
        Assert.That(info.Text("state"), Is.EqualTo("success"));
        return info.Get("result") is { } result ? MoRef.Of(result) : null;
    }

    public XElement Info(MoRef task) => Read(task, "info")["info"];

    public Dictionary<string, XElement> Read(MoRef target, params string[] paths) =>
        Objects(Retrieve(target, paths)).Single().All("propSet").ToDictionary(p => p.Text("name")!, p => p.Get("val")!, StringComparer.Ordinal);

    public XElement Retrieve(MoRef target, params string[] paths) => Call("RetrievePropertiesEx", new MoRef("PropertyCollector", "propertyCollector"),
        Element("specSet", Element("propSet", [Element("type", target.Type), .. paths.Select(p => Element("pathSet", p))]), Element("objectSet", target.As("obj"))), Element("options"));

    public static IEnumerable<XElement> Objects(XElement answer) => answer.Get("returnval")?.All("objects") ?? [];

    /// <summary>A page of all machines' names through a view.</summary>
    public XElement ListMachines(int? most = null)
    {
        var view = MoRef.Of(Call("CreateContainerView", new MoRef("ViewManager", "ViewManager"), Find("")!.As("container"), Element("type", "VirtualMachine"), Element("recursive", "true")).Get("returnval")!);
        return Call("RetrievePropertiesEx", new MoRef("PropertyCollector", "propertyCollector"),
            Element("specSet", Element("propSet", Element("type", "VirtualMachine"), Element("pathSet", "name")),
                Element("objectSet", view.As("obj"), Element("skip", "true"), Element("selectSet", Type("TraversalSpec"), Element("type", "ContainerView"), Element("path", "view"), Element("skip", "false")))),
            Element("options", most is { } count ? Element("maxObjects", $"{count}") : null));
    }

    public MoRef? Find(string path) => path.Length == 0 ? MoRef.Of(Call("RetrieveServiceContent", new MoRef("ServiceInstance", "ServiceInstance")).Get("returnval")!.Get("rootFolder")!)
        : Call("FindByInventoryPath", new MoRef("SearchIndex", "SearchIndex"), Element("inventoryPath", path)).Get("returnval") is { } found ? MoRef.Of(found) : null;

    public MoRef Template => Find($"{Inventory.Datacenter}/vm/{Inventory.TemplateFolder}/{Inventory.Templates[0]}")!;

    public MoRef Folder => Find($"{Inventory.Datacenter}/vm")!;

    public MoRef Pool => Find($"{Inventory.Datacenter}/host/{Inventory.Pool}")!;

    public object[] CloneOf(string name, params object?[] config) => [Folder.As("folder"), Element("name", name), Element("spec",
        Element("location", Pool.As("pool")), Element("template", "false"), config.Length > 0 ? Element("config", config) : null, Element("powerOn", "false"))];

    /// <summary>REST: status and body; logs in when it is needed.</summary>
    public (int Status, JsonNode? Body) Rest(string method, string path, JsonNode? body = null, string? password = Vcsim.Password)
    {
        if (_rest is null)
        {
            var login = Send("POST", "rest/com/vmware/cis/session", null, m => m.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Vcsim.User}:{password}"))));
            if (login.Status != 200)
                return login;
            _rest = login.Body!["value"]!.ToString();
        }

        return Send(method, path, body, m => m.Headers.Add("vmware-api-session-id", _rest));
    }

    /// <summary>A file of the standard datastore over HTTP: the status.</summary>
    public int File(string method, string path, string? content = null, bool session = true)
    {
        using var message = new HttpRequestMessage(new HttpMethod(method), $"folder/{path}?dcPath={Inventory.Datacenter}&dsName={Inventory.Datastore}");
        if (content is not null)
            message.Content = new StringContent(content, Encoding.UTF8, "application/octet-stream");
        if (session && _cookie is not null)
            message.Headers.Add("Cookie", _cookie);
        using var answer = _http.SendAsync(message).GetAwaiter().GetResult();
        return (int)answer.StatusCode;
    }

    private (int Status, JsonNode? Body) Send(string method, string path, JsonNode? body, Action<HttpRequestMessage> change)
    {
        using var message = new HttpRequestMessage(new HttpMethod(method), path);
        if (body is not null)
            message.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        change(message);
        using var answer = _http.SendAsync(message).GetAwaiter().GetResult();
        var text = answer.Content.ReadAsStringAsync().GetAwaiter().GetResult();
        return ((int)answer.StatusCode, text.StartsWith('{') ? JsonNode.Parse(text) : null);
    }

    public void Dispose() => _http.Dispose();
}
