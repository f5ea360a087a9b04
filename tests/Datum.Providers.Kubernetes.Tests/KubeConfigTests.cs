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

    [TestCase("server: https://x", "exec: {command: aws}", "users[u].exec", "client certificate")]
    [TestCase("server: https://x", "auth-provider: {name: gcp}", "users[u].auth-provider", "token")]
    [TestCase("server: https://x", "username: admin", "users[u].username", "token")]
    [TestCase("server: https://x", "password: hunter2", "users[u].password", "token")]
    [TestCase("server: https://x", "as: other", "users[u].as", "impersonation")]
    [TestCase("server: https://x\n    proxy-url: http://p", "token: t", "clusters[c].proxy-url", "HTTPS_PROXY")]
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
        Assert.That(() => Load(text, "other"), Throws.InstanceOf<KubeConfigException>().With.Message.Contains("contexts[other]"));
        Assert.That(() => Load(text.Replace("- name: u", "- name: v", StringComparison.Ordinal)), Throws.InstanceOf<KubeConfigException>().With.Message.Contains("users[u]"));
        Assert.That(() => Load("token: canary-5ecret: ["), Throws.InstanceOf<KubeConfigException>().With.Message.Contains("YAML").And.Message.Not.Contains("canary"));
        Assert.That(() => Load("- a"), Throws.InstanceOf<KubeConfigException>());
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
