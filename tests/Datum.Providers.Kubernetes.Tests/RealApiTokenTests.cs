using Datum.Providers.Testing;

namespace Datum.Providers.Kubernetes.Tests;

/// <summary>A real API server of our own, with two bearer tokens and a name for each.</summary>
internal sealed class RealApiTokenTests
{
    private string _folder = "";
    private RealApiServer? _server;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _folder = Directory.CreateTempSubdirectory("datum-tokens-").FullName;
        await File.WriteAllTextAsync(At("tokens"), "first-token,jane,u1,\"people,admins\"\nsecond-token,joe,u2,\"people\"\n");
        _server = await RealApiServer.StartAsync($"--token-auth-file {At("tokens")}");
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public async Task A_token_that_rotates_to_another_user_is_taken_up_after_a_minute()
    {
        var time = new ManualScheduler();
        await File.WriteAllTextAsync(At("token"), "first-token\n");
        await using var client = Client(At("token"), time);
        await client.FindAsync(Core.Namespaces, new ObjectKey(null, "default"), CancellationToken.None);
        await File.WriteAllTextAsync(At("token"), "wrong-token\n");
        time.Advance(TimeSpan.FromSeconds(61));
        var refusal = (await Assert.ThrowsAsync<KubernetesException>(() => client.FindAsync(Core.Namespaces, new ObjectKey(null, "default"), CancellationToken.None)))!;
        Assert.That(refusal.Code, Is.AnyOf(401, 403), "where anonymous requests are let in, an unknown token is answered with 403");
        Assert.That(refusal.ToString(), Does.Not.Contain("wrong-token"));
        await File.WriteAllTextAsync(At("token"), "second-token\n");
        Assert.That(await client.FindAsync(Core.Namespaces, new ObjectKey(null, "default"), CancellationToken.None), Is.Not.Null, "a refused token is read again at once");
    }

    [Test]
    public async Task A_plugin_of_a_kubeconfig_logs_in_as_kubectl_does_with_the_same_file()
    {
        await File.WriteAllTextAsync(At("login"), """
            #!/bin/sh
            case "$KUBERNETES_EXEC_INFO" in *'"server":"https://'*) ;; *) exit 7;; esac
            echo "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"$1\"}}"
            """);
        var admin = KubeConfig.Load(_server!.KubeConfigPath);
        await File.WriteAllTextAsync(At("ca.crt"), admin.Authorities![0].ExportCertificatePem());
        await File.WriteAllTextAsync(At("config"), $$"""
            apiVersion: v1
            kind: Config
            current-context: c
            contexts:
            - name: c
              context: {cluster: k, user: u}
            clusters:
            - name: k
              cluster:
                server: {{admin.Server.OriginalString}}
                certificate-authority: ca.crt
            users:
            - name: u
              user:
                exec:
                  apiVersion: client.authentication.k8s.io/v1
                  command: /bin/sh
                  args: [{{At("login")}}, second-token]
                  interactiveMode: Never
                  provideClusterInfo: true
            """);
        await using var client = new KubernetesClient(KubeConfig.Load(At("config")));
        Assert.That(await client.FindAsync(Core.Namespaces, new ObjectKey(null, "default"), CancellationToken.None), Is.Not.Null);
        var theirs = await new Kubectl(At("config"), _folder).RunAsync("get", "namespace", "default", "-o", "name");
        Assert.That(theirs.Trim(), Is.EqualTo("namespace/default"));
    }

    private string At(string name) => Path.Combine(_folder, name);

    private KubernetesClient Client(string tokenFile, ManualScheduler time)
    {
        var admin = KubeConfig.Load(_server!.KubeConfigPath);
        return new(new KubernetesConnection { Server = admin.Server, Authorities = admin.Authorities, TokenFile = tokenFile },
            new KubernetesClientOptions { Scheduler = time, RequestTimeout = Timeout.InfiniteTimeSpan });
    }
}
