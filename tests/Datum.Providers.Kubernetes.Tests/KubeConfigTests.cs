using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Datum.Providers.Kubernetes.Tests;

public sealed class KubeConfigTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("datum-kubeconfig-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void A_plain_http_server_with_a_token_is_read()
    {
        var connection = Load(Config("server: http://127.0.0.1:8080/prefix", "token: abc"));
        Assert.That((connection.Server.ToString(), connection.Token, connection.Namespace), Is.EqualTo(("http://127.0.0.1:8080/prefix", "abc", "here")));
        Assert.That(connection.ToString(), Does.Not.Contain("abc"));
    }

    [Test]
    public void Certificates_are_read_from_data_and_from_files_beside_the_kubeconfig()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=tests", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(Path.Combine(_folder, "ca.crt"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(_folder, "client.key"), key.ExportPkcs8PrivateKeyPem());
        var data = Convert.ToBase64String(Encoding.UTF8.GetBytes(certificate.ExportCertificatePem()));
        var connection = Load(Config("server: https://api.example.com\n    certificate-authority: ca.crt\n    tls-server-name: inner", $"client-certificate-data: {data}\n    client-key: client.key"));
        Assert.That(connection.Authorities!.Single().Thumbprint, Is.EqualTo(certificate.Thumbprint));
        Assert.That(connection.ClientCertificate!.HasPrivateKey);
        Assert.That((connection.TlsServerName, connection.SkipTlsVerify), Is.EqualTo(("inner", false)));
    }

    [Test]
    public void A_token_file_wins_over_a_token_and_counts_from_the_kubeconfigs_folder()
    {
        var connection = Load(Config("server: https://x", "token: old\n    tokenFile: sub/token"));
        Assert.That((connection.Token, connection.TokenFile), Is.EqualTo(((string?)null, Path.Combine(_folder, "sub", "token"))));
    }

    [Test]
    public void Everything_that_a_user_and_a_cluster_can_say_is_taken()
    {
        var connection = Load(Config(
            "server: https://x\n    proxy-url: socks5://p:1080\n    disable-compression: true\n    insecure-skip-tls-verify: true\n    something-new: [1]",
            "username: admin\n    password: hunter2\n    as: jane\n    as-uid: u1\n    as-groups: [a, b]\n    as-user-extra: {scopes: [view, edit]}\n    something-new: {}"));
        Assert.That((connection.Basic!.Username, connection.Basic.Password), Is.EqualTo(("admin", "hunter2")));
        Assert.That(connection.Basic.ToString(), Does.Not.Contain("hunter2"));
        var other = connection.Impersonate!;
        Assert.That((other.User, other.Uid), Is.EqualTo(("jane", "u1")));
        Assert.That(other.Groups, Is.EqualTo(new[] { "a", "b" }));
        Assert.That(other.Extra["scopes"], Is.EqualTo(new[] { "view", "edit" }));
        Assert.That((connection.Proxy, connection.DisableCompression, connection.SkipTlsVerify, connection.Context), Is.EqualTo((new Uri("socks5://p:1080"), true, true, "k")));
    }

    [Test]
    public void A_credential_plugin_is_read_with_its_path_beside_the_kubeconfig()
    {
        var connection = Load(Config(
            "server: https://x:6443\n    tls-server-name: inner\n    extensions: [{name: client.authentication.k8s.io/exec, extension: {audience: me, count: 1}}]",
            "exec: {apiVersion: client.authentication.k8s.io/v1, command: bin/login, args: [-a, b], env: [{name: A, value: canary-5ecret}], interactiveMode: Never, provideClusterInfo: true, installHint: get it}"));
        var plugin = connection.Exec!;
        Assert.That((plugin.Command, plugin.ApiVersion, plugin.InstallHint), Is.EqualTo((Path.Combine(_folder, "bin", "login"), "client.authentication.k8s.io/v1", "get it")));
        Assert.That(plugin.Arguments, Is.EqualTo(new[] { "-a", "b" }));
        Assert.That(plugin.Variables, Is.EqualTo(new[] { KeyValuePair.Create("A", "canary-5ecret") }));
        Assert.That(plugin.ClusterInfo!.ToJsonString(), Is.EqualTo("""{"server":"https://x:6443","tls-server-name":"inner","config":{"audience":"me","count":1}}"""));
        Assert.That(plugin.ToString(), Does.Not.Contain("canary"));
        var bare = Load(Config("server: https://x", "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: login}")).Exec!;
        Assert.That((bare.Command, bare.ClusterInfo), Is.EqualTo(("login", (System.Text.Json.Nodes.JsonObject?)null)));
    }

    [Test]
    public void A_plugin_beside_a_credential_is_not_used_as_kubectl_does_not() =>
        Assert.That(Load(Config("server: https://x", "token: t\n    exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: login}")).Exec, Is.Null);

    [TestCase("server: https://x", "exec: {apiVersion: client.authentication.k8s.io/v1}", "users[u].exec.command", "missing")]
    [TestCase("server: https://x", "exec: {command: aws}", "users[u].exec.apiVersion", "client.authentication.k8s.io/v1")]
    [TestCase("server: https://x", "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1alpha1}", "users[u].exec.apiVersion", "v1beta1")]
    [TestCase("server: https://x", "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1}", "users[u].exec.interactiveMode", "Never or IfAvailable")]
    [TestCase("server: https://x", "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always}", "users[u].exec.interactiveMode", "terminal")]
    [TestCase("server: https://x", "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1beta1, args: {a: b}}", "users[u].exec.args", "list of strings")]
    [TestCase("server: https://x", "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1beta1, env: [{value: hunter2}]}", "users[u].exec.env", "without a name")]
    [TestCase("server: http://elsewhere.example.com", "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1beta1}", "clusters[c].server", "without TLS")]
    [TestCase("server: https://x", "auth-provider: {name: gcp}", "users[u].auth-provider", "token")]
    [TestCase("server: https://x", "password: hunter2", "users[u].username", "set both")]
    [TestCase("server: https://x", "username: a\n    password: hunter2\n    token: t", "users[u].username", "remove the other")]
    [TestCase("server: https://x", "as-groups: [a]", "users[u].as", "name the user")]
    [TestCase("server: https://x\n    proxy-url: ftp://hunter2@p", "token: t", "clusters[c].proxy-url", "http, https and socks5")]
    [TestCase("server: https://me:hunter2@x", "token: t", "clusters[c].server", "under users")]
    [TestCase("server: https://x\n    insecure-skip-tls-verify: true\n    certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t", "token: t", "insecure-skip-tls-verify", "remove one")]
    [TestCase("server: ftp://x", "token: t", "clusters[c].server", "http or https")]
    [TestCase("server: http://elsewhere.example.com", "token: t", "clusters[c].server", "without TLS")]
    [TestCase("server: https://x\n    insecure-skip-tls-verify: maybe", "token: t", "insecure-skip-tls-verify", "true or false")]
    [TestCase("server: https://x\n    certificate-authority: missing.crt", "token: t", "certificate-authority", "can't be read")]
    [TestCase("server: https://x\n    certificate-authority-data: '!'", "token: t", "certificate-authority-data", "base64")]
    [TestCase("server: https://x", "client-certificate-data: YQ==", "client-key", "both")]
    [TestCase("{}", "token: t", "clusters[c].server", "missing")]
    public void What_is_unsupported_or_broken_is_refused_with_file_field_and_remedy(string cluster, string user, string field, string remedy)
    {
        var error = Assert.Throws<KubeConfigException>(() => Load(Config(cluster, user)));
        Assert.That(error!.Message, Does.Contain(Path.Combine(_folder, "config")).And.Contain(field).And.Contain(remedy));
        Assert.That(error.ToString(), Does.Not.Contain("hunter2"));
    }

    [Test]
    public void A_missing_file_context_or_entry_is_named()
    {
        Assert.That(() => KubeConfig.Load(Path.Combine(_folder, "none")), Throws.InstanceOf<KubeConfigException>().With.Message.Contains("can't be read"));
        var text = Config("server: https://x", "token: t");
        Assert.That(() => Load(text.Replace("current-context: k", "", StringComparison.Ordinal)), Throws.InstanceOf<KubeConfigException>().With.Message.Contains("current-context"));
        Assert.That(() => Load(text, "other"), Throws.InstanceOf<KubeConfigException>().With.Message.Contains("contexts[other]").And.Message.Contains("(k)"));
        Assert.That(() => Load(text.Replace("- name: u", "- name: v", StringComparison.Ordinal)), Throws.InstanceOf<KubeConfigException>().With.Message.Contains("users[u]"));
        Assert.That(() => Load("token: canary-5ecret: ["), Throws.InstanceOf<KubeConfigException>().With.Message.Contains("YAML").And.Message.Not.Contains("canary"));
        Assert.That(() => Load("- a"), Throws.InstanceOf<KubeConfigException>());
        Assert.That(() => Load(text + "\n- name: u\n  user: {token: canary-5ecret}"), Throws.InstanceOf<KubeConfigException>().With.Message.Contains("users[u]: stands twice").And.Message.Not.Contains("canary"));
        Assert.That(() => Load(text + "\n- user: {token: canary-5ecret}"), Throws.InstanceOf<KubeConfigException>().With.Message.Contains("users[1].name").And.Message.Not.Contains("canary"));
        Assert.That(() => Load(text.Replace("cluster: c,", "", StringComparison.Ordinal)), Throws.InstanceOf<KubeConfigException>().With.Message.Contains("contexts[k].cluster"));
    }

    private KubernetesConnection Load(string text, string? context = null)
    {
        var path = Path.Combine(_folder, "config");
        File.WriteAllText(path, text);
        return KubeConfig.Load(path, context);
    }

    private static string Config(string cluster, string user) => $"""
        apiVersion: v1
        kind: Config
        current-context: k
        contexts:
        - name: k
          context: {"{"}cluster: c, user: u, namespace: here{"}"}
        clusters:
        - name: c
          cluster:
            {cluster.Replace("\n", "\n    ", StringComparison.Ordinal)}
        users:
        - name: u
          user:
            {user.Replace("\n", "\n    ", StringComparison.Ordinal)}
        """.Replace("        ", "    ", StringComparison.Ordinal);
}
