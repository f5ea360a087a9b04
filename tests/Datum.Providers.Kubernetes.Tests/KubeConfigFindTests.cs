using System.Text.Json.Nodes;
using Datum.Providers.Testing;

namespace Datum.Providers.Kubernetes.Tests;

internal sealed class KubeConfigFindTests
{
    private readonly Dictionary<string, string> _variables = [];
    private string _folder = "";

    private KubeEnvironment Here => new()
    {
        Variable = name => _variables.GetValueOrDefault(name),
        Home = Path.Combine(_folder, "home"),
        ServiceAccountFolder = Path.Combine(_folder, "account"),
    };

    [SetUp]
    public void MakeFolder()
    {
        _variables.Clear();
        _folder = Directory.CreateTempSubdirectory("datum-kubeconfig-").FullName;
        Write("home/.kube/config", One("home"));
        Write("account/token", "t0ken\n");
        Write("account/namespace", "mine\n");
    }

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void The_first_of_path_variable_pod_and_home_is_taken()
    {
        Assert.That(Found(), Is.EqualTo("https://home/"));
        (_variables["KUBERNETES_SERVICE_HOST"], _variables["KUBERNETES_SERVICE_PORT"]) = ("10.0.0.1", "443");
        Assert.That(Found(), Is.EqualTo("https://10.0.0.1/"));
        Assert.That(KubeConfig.Find(context: "home", environment: Here).Server.Host, Is.EqualTo("home"), "a pod has no contexts");
        _variables["KUBECONFIG"] = string.Join(Path.PathSeparator, Path.Combine(_folder, "missing"), Write("named", One("named")));
        Assert.That(Found(), Is.EqualTo("https://named/"));
        Assert.That(KubeConfig.Find(Write("explicit", One("explicit")), environment: Here).Server.Host, Is.EqualTo("explicit"));
    }

    [Test]
    public void Nothing_found_says_where_it_was_looked_for()
    {
        _variables["KUBECONFIG"] = Path.Combine(_folder, "missing");
        Assert.That(Found, Throws.InstanceOf<KubeConfigException>().With.Message.Contains("KUBECONFIG=").And.Message.Contains("none of these files exists"));
        _variables.Clear();
        File.Delete(Path.Combine(_folder, "home/.kube/config"));
        Assert.That(Found, Throws.InstanceOf<KubeConfigException>().With.Message.Contains("KUBECONFIG isn't set").And.Message.Contains(".kube/config").And.Message.Contains("service account"));
        Assert.That(KubeConfig.Contexts(environment: Here), Is.Empty);
    }

    [TestCase("10.96.0.1", "443", "https://10.96.0.1/")]
    [TestCase("fd00::1", "6443", "https://[fd00::1]:6443/")]
    [TestCase("[fd00::1]", "6443", "https://[fd00::1]:6443/")]
    [TestCase("kubernetes.example.com", "443", "https://kubernetes.example.com/")]
    public void A_pod_finds_its_server_account_and_namespace(string host, string port, string server)
    {
        using var authority = new TestAuthority();
        var file = Write("account/ca.crt", authority.Pem);
        (_variables["KUBERNETES_SERVICE_HOST"], _variables["KUBERNETES_SERVICE_PORT"]) = (host, port);
        var connection = KubeConfig.InCluster(Here);
        Assert.That((connection.Server.ToString(), connection.Namespace), Is.EqualTo((server, "mine")));
        Assert.That((connection.TokenFile, connection.AuthoritiesFile), Is.EqualTo((Path.Combine(_folder, "account", "token"), file)));
        Assert.That(connection.Authorities, Has.Count.EqualTo(1));
    }

    [TestCase(null, "443", "KUBERNETES_SERVICE_HOST")]
    [TestCase("10.0.0.1", null, "KUBERNETES_SERVICE_PORT")]
    [TestCase("10.0.0.1", "0", "KUBERNETES_SERVICE_PORT")]
    [TestCase("10.0.0.1/x", "443", "KUBERNETES_SERVICE_HOST")]
    public void A_pod_without_a_usable_account_says_what_is_missing(string? host, string? port, string variable)
    {
        if (host is not null)
            _variables["KUBERNETES_SERVICE_HOST"] = host;
        if (port is not null)
            _variables["KUBERNETES_SERVICE_PORT"] = port;
        Assert.That(() => KubeConfig.InCluster(Here), Throws.InstanceOf<KubeConfigException>().With.Message.Contains(variable));
        (_variables["KUBERNETES_SERVICE_HOST"], _variables["KUBERNETES_SERVICE_PORT"]) = ("10.0.0.1", "443");
        File.Delete(Path.Combine(_folder, "account", "token"));
        Assert.That(() => KubeConfig.InCluster(Here), Throws.InstanceOf<KubeConfigException>().With.Message.Contains("automountServiceAccountToken"));
    }

    [Test]
    public void Contexts_are_listed_with_what_they_name()
    {
        _variables["KUBECONFIG"] = string.Join(Path.PathSeparator, Merged());
        var contexts = KubeConfig.Contexts(environment: Here);
        Assert.That(contexts.Select(c => $"{c.Name} {c.Cluster} {c.User} {c.Namespace} {c.IsCurrent} {Path.GetFileName(c.File)}"), Is.EqualTo(new[]
        {
            "both c-first u-first ns-first False first",
            "none c-first   False second",
            "one c-first u-first  True first",
            "two c-second u-second ns-two False second",
        }));
    }

    [TestCase(null)]
    [TestCase("one")]
    [TestCase("two")]
    [TestCase("both")]
    [TestCase("none")]
    public async Task Merged_files_mean_what_kubectl_takes_them_for(string? context)
    {
        foreach (var files in new[] { Merged(), [.. Merged().Reverse()] })
        {
            var kubectl = new Kubectl(string.Join(Path.PathSeparator, files), _folder);
            string[] which = context is null ? [] : ["--context", context];
            var theirs = JsonNode.Parse(await kubectl.RunAsync(["config", "view", "--raw", "--minify", "--flatten", "-o", "json", .. which]))!;
            var ours = KubeConfig.Load(files, context);
            Assert.That(ours.Server.OriginalString, Is.EqualTo((string?)theirs["clusters"]![0]!["cluster"]!["server"]));
            Assert.That(ours.Namespace, Is.EqualTo((string?)theirs["contexts"]![0]!["context"]!["namespace"]));
            Assert.That(ours.Context, Is.EqualTo((string?)theirs["current-context"]));
            var user = theirs["users"]?.AsArray().FirstOrDefault()?["user"];
            Assert.That(ours.Token, Is.EqualTo((string?)user?["token"]));
            Assert.That(ours.TlsServerName, Is.EqualTo((string?)theirs["clusters"]![0]!["cluster"]!["tls-server-name"]), "entries of one name are not mixed");
            var authority = (string?)theirs["clusters"]![0]!["cluster"]!["certificate-authority-data"];
            Assert.That(ours.Authorities is null, Is.EqualTo(authority is null));
            if (authority is not null)
                Assert.That(ours.Authorities!.Single().ExportCertificatePem(), Is.EqualTo(System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(authority)).Trim()));
        }
    }

    private string Found() => KubeConfig.Find(environment: Here).Server.ToString();

    /// <summary>Two files that overlap in every list, the second in a folder of its own with a certificate beside it.</summary>
    private string[] Merged()
    {
        using var authority = new TestAuthority();
        Write("sub/ca.crt", authority.Pem);
        return
        [
            Write("first", """
                apiVersion: v1
                kind: Config
                current-context: one
                contexts:
                - {name: one, context: {cluster: c-first, user: u-first}}
                - {name: both, context: {cluster: c-first, user: u-first, namespace: ns-first}}
                clusters:
                - {name: c-first, cluster: {server: "https://first:6443"}}
                - {name: c-both, cluster: {server: "https://both-first"}}
                users:
                - {name: u-first, user: {token: t-first}}
                - {name: u-both, user: {token: t-both-first}}
                """),
            Write("sub/second", """
                apiVersion: v1
                kind: Config
                current-context: two
                contexts:
                - {name: two, context: {cluster: c-second, user: u-second, namespace: ns-two}}
                - {name: both, context: {cluster: c-both, user: u-both, namespace: ns-second}}
                - {name: none, context: {cluster: c-first}}
                clusters:
                - {name: c-second, cluster: {server: "https://second", certificate-authority: ca.crt}}
                - {name: c-both, cluster: {server: "https://both-second", tls-server-name: inner}}
                users:
                - {name: u-second, user: {token: t-second}}
                - {name: u-both, user: {token: t-both-second, as: jane}}
                """),
        ];
    }

    private static string One(string name) => $$$"""
        apiVersion: v1
        kind: Config
        current-context: {{{name}}}
        contexts: [{name: {{{name}}}, context: {cluster: {{{name}}} } }]
        clusters: [{name: {{{name}}}, cluster: {server: "https://{{{name}}}"} }]
        """;

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }
}
