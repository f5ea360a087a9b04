using System.Collections.Concurrent;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Datum.Providers.Testing;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>A server with a front door: definitions installed, a clock that the test moves, every log line kept.</summary>
internal sealed class Door : IAsyncDisposable
{
    public const string AdminToken = "the-token-of-the-plane-itself";
    public const string Group = "resourcemanager.miloapis.com/v1alpha1";
    public const string OlderGroup = "resourcemanager.datumapis.com/v1alpha";
    public const string Finalizer = "devplane.providers.datumapis.com/control-plane";
    public const string Crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    public const string Maps = "/api/v1/namespaces/default/configmaps";
    public const string Widgets = "/apis/test.example.com/v1/namespaces/default/widgets";

    private readonly List<PlaneClient> clients = [];

    private Door(DevPlaneServer server, ManualScheduler time, LogLines log) => (Server, Time, Log) = (server, time, log);

    public DevPlaneServer Server { get; }
    public ManualScheduler Time { get; }
    public LogLines Log { get; }
    public PlaneClient Admin { get; private set; } = null!;

    public static IReadOnlyList<PlaneKind> Kinds { get; } =
    [
        new PlaneKind
        {
            Context = "Organization", TokenField = "organizations", Paths = [$"/apis/{Group}/organizations", $"/apis/{OlderGroup}/organizations"],
            Resources = [new PlaneResource("resourcemanager.miloapis.com", "organizations")],
        },
        new PlaneKind
        {
            Context = "Project", TokenField = "projects", Paths = [$"/apis/{Group}/projects", $"/apis/{OlderGroup}/projects"], AlsoMadeIn = ["Organization"],
            Resources = [new PlaneResource("resourcemanager.miloapis.com", "projects"), new PlaneResource("resourcemanager.datumapis.com", "projects")],
        },
    ];

    /// <param name="tokens">Text of the token file; null for none.</param>
    public static async Task<Door> OpenAsync(TempFolder folder, string? tokens = null, string? state = null, bool install = true)
    {
        if (tokens is not null) WriteTokens(folder, tokens);
        var time = new ManualScheduler(start: DateTimeOffset.UtcNow);
        var log = new LogLines();
        var server = await DevPlaneServer.StartAsync(new DevPlaneOptions
        {
            StatePath = state, Tokens = [new PlaneToken { Token = AdminToken }], CelRules = Definitions.Rules(), TimeProvider = time, LoggerFactory = log,
            FrontDoor = new FrontDoorOptions { Kinds = Kinds, TokenFile = tokens is null ? null : folder.File("tokens") },
        });
        var door = new Door(server, time, log);
        door.Admin = door.Client(AdminToken);
        if (!install) return door;
        await door.InstallAsync(Kind("resourcemanager.miloapis.com", "v1alpha1", "projects", "Project"));
        await door.InstallAsync(Kind("resourcemanager.datumapis.com", "v1alpha", "projects", "Project"));
        await door.InstallAsync(Kind("resourcemanager.miloapis.com", "v1alpha1", "organizations", "Organization"));
        await door.InstallAsync(Definitions.Read("widgets.yaml"));
        return door;
    }

    public static void WriteTokens(TempFolder folder, string text)
    {
        var path = folder.File("tokens");
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var stream = new FileStream(path + ".new", options)) stream.Write(Encoding.UTF8.GetBytes(text));
        File.Move(path + ".new", path, overwrite: true);
    }

    public static string At(string project, string path = "") => $"/apis/{Group}/projects/{project}/control-plane{path}";

    public static string Named(string kind, string apiVersion, string name, string meta = "", string rest = "") =>
        $$"""{"apiVersion":"{{apiVersion}}","kind":"{{kind}}","metadata":{"name":"{{name}}"{{meta}} }{{rest}} }""";

    public static string Map(string name, string meta = "", string text = "b") => Named("ConfigMap", "v1", name, meta, $$""","data":{"a":"{{text}}"}""");

    public static string Widget(string name, string meta = "") => Named("Widget", "test.example.com/v1", name, meta, ""","spec":{"size":1}""");

    public static string Kind(string group, string version, string plural, string kind, string annotations = "") => $$"""
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: {{plural}}.{{group}}, annotations: { {{annotations}} } }
        spec:
          group: {{group}}
          scope: Cluster
          names: {plural: {{plural}}, kind: {{kind}} }
          versions:
          - name: {{version}}
            served: true
            storage: true
            subresources: {status: {} }
            schema: {openAPIV3Schema: {type: object, properties: {status: {type: object, x-kubernetes-preserve-unknown-fields: true} } } }
        """;

    public PlaneClient Client(string? token)
    {
        var client = PlaneClient.For(Server, token);
        clients.Add(client);
        return client;
    }

    public Task InstallAsync(string definition) => Admin.ExpectAsync(201, "POST", Crds, definition, "application/yaml");

    /// <summary>Makes a Project and waits until its plane is served.</summary>
    public async Task<string> ProjectAsync(string name, string meta = "", string plane = "")
    {
        var path = $"{plane}/apis/{Group}/projects";
        var made = await Admin.ExpectAsync(201, "POST", path, Named("Project", Group, name, meta));
        await ReadyAsync($"{path}/{name}");
        return (string)made.Json!["metadata"]!["uid"]!;
    }

    public Task ReadyAsync(string path, string reason = "Available") => Eventually.HoldsAsync(async () => await ReasonAsync(path) == reason, $"{path} says {reason}");

    public async Task<string?> ReasonAsync(string path) =>
        (string?)(await Admin.ExpectAsync(200, "GET", path)).Json!["status"]?["conditions"]?.AsArray().Single(c => (string?)c!["type"] == "Ready")!["reason"];

    public Task GoneAsync(string path) => Eventually.HoldsAsync(async () => (await Admin.SendAsync("GET", path)).Code == 404, $"{path} is gone");

    /// <summary>Sends a request line as it is: HttpClient would put the path in order first.</summary>
    public async Task<(int Code, string Text)> RawAsync(string target, string token)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", Server.Port);
        using var authority = X509Certificate2.CreateFromPem(Server.CertificatePem);
        await using var stream = new SslStream(socket.GetStream(), false, (_, served, _, _) => served is not null && served.GetRawCertData().SequenceEqual(authority.RawData));
        await stream.AuthenticateAsClientAsync("localhost");
        await stream.WriteAsync(Encoding.Latin1.GetBytes($"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{Server.Port}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"));
        using var reader = new StreamReader(stream, Encoding.Latin1);
        var text = await reader.ReadToEndAsync();
        return (int.Parse(text.Split(' ', 3)[1], System.Globalization.CultureInfo.InvariantCulture), text);
    }

    /// <summary>A kubeconfig for a plane, as Datum's own tool writes one.</summary>
    public string Kubeconfig(TempFolder folder, string server, string token)
    {
        var path = folder.File("kubeconfig-" + Guid.NewGuid().ToString("N"));
        File.WriteAllText(path, $$"""
            apiVersion: v1
            kind: Config
            current-context: p
            clusters: [{name: p, cluster: {server: "{{Server.Address.GetLeftPart(UriPartial.Authority)}}{{server}}", certificate-authority-data: {{Convert.ToBase64String(Encoding.UTF8.GetBytes(Server.CertificatePem))}} } }]
            users: [{name: p, user: {token: {{token}} } }]
            contexts: [{name: p, context: {cluster: p, user: p} }]
            """);
        return path;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in clients) client.Dispose();
        await Server.DisposeAsync();
        Log.Dispose();
    }
}

/// <summary>Everything that was logged, as text with exceptions.</summary>
internal sealed class LogLines : ILoggerFactory, ILogger
{
    private readonly ConcurrentQueue<string> lines = new();

    public string Text => string.Join('\n', lines);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        lines.Enqueue($"{logLevel} {eventId.Id} {formatter(state, exception)} {exception}");

    public void Dispose()
    {
    }
}
