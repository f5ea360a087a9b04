using Datum.Providers.Testing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using static Datum.Providers.Kubernetes.Tests.ScriptedServer;

namespace Datum.Providers.Kubernetes.Tests;

/// <summary>Credential plugins: shell scripts that count their runs.</summary>
internal sealed class ExecPluginTests
{
    private const string V1 = "client.authentication.k8s.io/v1";
    private static readonly ObjectKey Key = new("ns", "w");
    private readonly ManualScheduler _time = new();
    private string _folder = "";

    private int Runs => File.Exists(At("runs")) ? File.ReadAllLines(At("runs")).Length : 0;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("datum-exec-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase(V1)]
    [TestCase("client.authentication.k8s.io/v1beta1")]
    public async Task A_plugin_runs_once_with_its_arguments_and_variables_and_its_token_is_kept(string version)
    {
        await using var server = await AnswerAsync();
        await using var client = Client(server, Plugin("""printf '%s|%s|%s' "$1" "$A" "$KUBERNETES_EXEC_INFO" > "$DIR/seen"; """ + Print("one", version: version), version, cluster: true));
        for (var i = 0; i < 3; i++)
            await client.FindAsync(Widget.Type, Key, CancellationToken.None);
        Assert.That(server.Headers.Select(h => (string?)h.Authorization), Is.EqualTo(new[] { "Bearer one", "Bearer one", "Bearer one" }));
        Assert.That(Runs, Is.EqualTo(1));
        var expected = "first|a value|{\"kind\":\"ExecCredential\",\"apiVersion\":\"" + version + "\",\"spec\":{\"interactive\":false,\"cluster\":{\"server\":\"https://x\"}}}";
        Assert.That(File.ReadAllText(At("seen")), Is.EqualTo(expected));
    }

    [Test]
    public async Task Requests_at_one_moment_share_one_run()
    {
        await using var server = await AnswerAsync();
        await using var client = Client(server, Plugin("sleep 0.2; " + Print("one")));
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => client.FindAsync(Widget.Type, Key, CancellationToken.None)));
        Assert.That(Runs, Is.EqualTo(1));
    }

    [Test]
    public async Task A_credential_is_renewed_before_it_expires()
    {
        await using var server = await AnswerAsync();
        var expires = _time.Now + TimeSpan.FromMinutes(5);
        await using var client = Client(server, Plugin(Print("token-$N", $"{expires:yyyy-MM-dd'T'HH:mm:ss'Z'}")));
        await client.FindAsync(Widget.Type, Key, CancellationToken.None);
        _time.Advance(TimeSpan.FromMinutes(4.5) - TimeSpan.FromSeconds(1));
        await client.FindAsync(Widget.Type, Key, CancellationToken.None);
        Assert.That(Runs, Is.EqualTo(1));
        _time.Advance(TimeSpan.FromSeconds(1));
        await client.FindAsync(Widget.Type, Key, CancellationToken.None);
        Assert.That(server.Headers.Last().Authorization, Has.One.EqualTo("Bearer token-2"));
        Assert.That(Runs, Is.EqualTo(2));
    }

    [Test]
    public async Task A_refused_token_is_renewed_once_and_a_read_is_sent_again_but_not_a_write()
    {
        await using var server = await StartAsync((c, _, _) => c.Request.Headers.Authorization == "Bearer token-2" ? JsonAsync(c, 200, Item("w", 4)) : StatusAsync(c, 401, "Unauthorized"));
        await using var client = Client(server, Plugin(Print("token-$N")));
        Assert.That(await client.FindAsync(Widget.Type, Key, CancellationToken.None), Is.Not.Null);
        Assert.That((Runs, server.Requests.Count), Is.EqualTo((2, 2)));

        await using var writer = Client(server, Plugin(Print("other-$N")));
        var refusal = (await Assert.ThrowsAsync<KubernetesException>(() => writer.DeleteAsync(Widget.Type, Key, null, CancellationToken.None)))!;
        Assert.That((refusal.Code, server.Requests.Count), Is.EqualTo((401, 3)));
    }

    [Test]
    public async Task A_plugin_whose_fresh_token_is_refused_too_is_not_run_for_every_request()
    {
        await using var server = await StartAsync((c, _, _) => StatusAsync(c, 401, "Unauthorized"));
        await using var client = Client(server, Plugin(Print("token-$N")));
        for (var i = 0; i < 5; i++)
            await Assert.ThrowsAsync<KubernetesException>(() => client.FindAsync(Widget.Type, Key, CancellationToken.None));
        Assert.That(Runs, Is.EqualTo(2));
        _time.Advance(TimeSpan.FromSeconds(11));
        await Assert.ThrowsAsync<KubernetesException>(() => client.FindAsync(Widget.Type, Key, CancellationToken.None));
        Assert.That(Runs, Is.EqualTo(3));
    }

    [Test]
    public async Task A_plugin_can_give_a_client_certificate()
    {
        using var authority = new TestAuthority();
        using var certificate = authority.Server();
        await using var server = await StartTlsAsync(certificate, HttpProtocols.Http2, (c, _, _) => JsonAsync(c, 200, Item(c.Connection.ClientCertificate?.Subject ?? "nobody", 4)));
        var (cert, key) = authority.Issue("plugged");
        var credential = new System.Text.Json.Nodes.JsonObject
        {
            ["apiVersion"] = V1,
            ["kind"] = "ExecCredential",
            ["status"] = new System.Text.Json.Nodes.JsonObject { ["clientCertificateData"] = cert, ["clientKeyData"] = key },
        };
        await File.WriteAllTextAsync(At("credential"), credential.ToJsonString());
        var plugin = Plugin("cat \"$DIR/credential\"");
        await using var client = new KubernetesClient(new KubernetesConnection { Server = server.Address, Authorities = authority.Roots, Exec = plugin }, new KubernetesClientOptions());
        var seen = await client.FindAsync(Widget.Type, Key, CancellationToken.None);
        Assert.That(seen!.Metadata.Name, Is.EqualTo("CN=plugged"));
    }

    [TestCase("echo canary-5ecret", "no JSON")]
    [TestCase("echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1beta1\",\"status\":{\"token\":\"canary-5ecret\"}}'", "set exec.apiVersion")]
    [TestCase("echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\"}'", "no status")]
    [TestCase("echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{}}'", "neither a token nor")]
    [TestCase("echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"clientKeyData\":\"canary-5ecret\"}}'", "both are needed")]
    [TestCase("echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"clientCertificateData\":\"x\",\"clientKeyData\":\"canary-5ecret\"}}'", "not a PEM certificate")]
    [TestCase("echo canary-5ecret; echo 'session has ended, log in' >&2; exit 3", "exit code 3 and said: session has ended, log in")]
    public async Task A_plugin_that_fails_is_named_with_what_to_do_and_its_output_is_not_quoted(string script, string told)
    {
        await using var server = await AnswerAsync();
        var logged = new ListLogger();
        await using var client = new KubernetesClient(new KubernetesConnection { Server = server.Address, Exec = Plugin(script) }, new KubernetesClientOptions { Scheduler = _time, Logger = logged });
        var error = (await Assert.ThrowsAsync<HttpRequestException>(() => client.FindAsync(Widget.Type, Key, CancellationToken.None)))!;
        Assert.That(error.HttpRequestError, Is.EqualTo(HttpRequestError.UserAuthenticationError));
        Assert.That(error.Message, Does.StartWith("config: users[u].exec: ").And.Contain(told));
        Assert.That(error.ToString() + string.Join('\n', logged.Lines), Does.Not.Contain("canary"));
        Assert.That(server.Requests, Is.Empty);
        Assert.That(Runs, Is.EqualTo(1), "a failed plugin isn't retried as a failed connection is");
    }

    [Test]
    public async Task A_plugin_that_hangs_is_ended_after_its_time_with_its_children()
    {
        await using var server = await AnswerAsync();
        await using var client = Client(server, Plugin("echo $$ > \"$DIR/pid\"; sleep 600 & wait"));
        var read = client.FindAsync(Widget.Type, Key, CancellationToken.None);
        await Eventually.HoldsAsync(() => File.Exists(At("pid")) && File.ReadAllText(At("pid")).EndsWith('\n'), "the plugin runs");
        _time.Advance(TimeSpan.FromSeconds(60));
        Assert.That(async () => await read.WaitAsync(TimeSpan.FromSeconds(20)), Throws.InstanceOf<HttpRequestException>().With.Message.Contains("within 60 s"));
        var pid = File.ReadAllText(At("pid")).Trim();
        await Eventually.HoldsAsync(() => !Directory.Exists($"/proc/{pid}") || File.ReadAllText($"/proc/{pid}/stat").Contains(") Z", StringComparison.Ordinal), "the plugin has ended");
    }

    [Test]
    public async Task A_plugin_that_is_not_there_tells_its_install_hint()
    {
        await using var server = await AnswerAsync();
        foreach (var command in new[] { "no-such-login-program", At("missing") })
        {
            var plugin = new ExecPlugin { Origin = "config: users[u].exec", ApiVersion = V1, Command = command, InstallHint = "Get it from the help desk." };
            await using var client = Client(server, plugin);
            var error = (await Assert.ThrowsAsync<HttpRequestException>(() => client.FindAsync(Widget.Type, Key, CancellationToken.None)))!;
            Assert.That(error.Message, Does.Contain(command).And.Contain("Get it from the help desk."));
        }
    }

    [Test]
    public async Task A_bare_command_is_found_on_path_and_never_in_the_current_folder()
    {
        Plugin(Print("found"));
        var environment = new KubeEnvironment { Variable = name => name == "PATH" ? _folder : Environment.GetEnvironmentVariable(name) };
        var plugin = new ExecPlugin { Origin = "o", ApiVersion = V1, Command = "plugin", Arguments = ["first"], Variables = [new("DIR", _folder)] };
        Assert.That((await ExecRunner.RunAsync(plugin, environment, TimeProvider.System, CancellationToken.None)).Token, Is.EqualTo("found"));
        var here = new KubeEnvironment { Variable = name => name == "PATH" ? ":." : null };
        Assert.That(async () => await ExecRunner.RunAsync(plugin, here, TimeProvider.System, CancellationToken.None), Throws.InstanceOf<KubeConfigException>().With.Message.Contains("isn't on PATH"));
    }

    private string At(string name) => Path.Combine(_folder, name);

    private static Task<ScriptedServer> AnswerAsync() => StartAsync((c, _, _) => JsonAsync(c, 200, Item("w", 4)));

    private KubernetesClient Client(ScriptedServer server, ExecPlugin plugin) =>
        new(new KubernetesConnection { Server = server.Address, Exec = plugin }, new KubernetesClientOptions { Scheduler = _time, RequestTimeout = Timeout.InfiniteTimeSpan });

    private static string Print(string token, string? expires = null, string version = V1)
    {
        var status = $"\"token\":\"{token}\"" + (expires is null ? "" : $",\"expirationTimestamp\":\"{expires}\"");
        var credential = "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" + version + "\",\"status\":{" + status + "}}";
        return "echo \"" + credential.Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";
    }

    private ExecPlugin Plugin(string script, string version = V1, bool cluster = false)
    {
        File.Delete(At("runs"));
        File.WriteAllText(At("plugin"), $"#!/bin/sh\necho run >> \"$DIR/runs\"\nN=$(wc -l < \"$DIR/runs\")\n{script}\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(At("plugin"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return new ExecPlugin
        {
            Origin = "config: users[u].exec",
            ApiVersion = version,
            // Through the shell: a script that was just written can still be open in a child of another test.
            Command = "/bin/sh",
            Arguments = [At("plugin"), "first"],
            Variables = [new("A", "a value"), new("DIR", _folder)],
            ClusterInfo = cluster ? new() { ["server"] = "https://x" } : null,
        };
    }
}

/// <summary>Keeps what is logged.</summary>
internal sealed class ListLogger : ILogger
{
    private readonly List<string> _lines = [];

    public IReadOnlyList<string> Lines
    {
        get { lock (_lines) return [.. _lines]; }
    }

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_lines)
            _lines.Add($"{logLevel} {formatter(state, exception)} {exception}");
    }
}
