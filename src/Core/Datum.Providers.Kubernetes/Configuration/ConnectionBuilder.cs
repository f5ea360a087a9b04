using System.Security.Cryptography.X509Certificates;
using System.Text;
using YamlDotNet.RepresentationModel;

namespace Datum.Providers.Kubernetes;

/// <summary>Makes a connection of the entries that a context names.</summary>
internal static class ConnectionBuilder
{
    private const string AuthorityField = "certificate-authority";

    public static KubernetesConnection Build(KubeConfigEntry context, KubeConfigEntry cluster, KubeConfigEntry? user, KubeEnvironment environment)
    {
        user ??= new KubeConfigEntry(context.File, "users", "", new YamlMappingNode());
        if (user.Node("auth-provider") is { } provider and not YamlScalarNode { Value: null or "" })
            throw user.Error("auth-provider", "was removed from Kubernetes; use an exec credential plugin, a client certificate, token or tokenFile");
        var server = Server(cluster);
        var authorities = Material(cluster, AuthorityField);
        var (identity, certificateFile, keyFile) = ClientIdentity(user);
        var tokenFile = user.Text("tokenFile");
        var token = user.Text("token");
        var basic = Basic(user);
        if (basic is not null && (token ?? tokenFile) is not null)
            throw user.Error("username", "stands beside a token; only one of them can be sent: remove the other");
        var skip = cluster.Flag("insecure-skip-tls-verify");
        if (skip && authorities is not null)
            throw cluster.Error("insecure-skip-tls-verify", $"stands beside {AuthorityField}(-data); remove one of them");
        // kubectl's rule: credentials that stand in the file win over a plugin, which then isn't run.
        var exec = token is null && tokenFile is null && basic is null && identity is null ? ExecPluginReader.Read(user, cluster, server, authorities?.Text) : null;
        if (server.Scheme == "http" && !server.IsLoopback && ((token ?? tokenFile) is not null || basic is not null || exec is not null))
            throw cluster.Error("server", "would send credentials without TLS to another machine; use https");
        return new KubernetesConnection
        {
            Server = server,
            Context = context.Name,
            Authorities = authorities is { } found ? Pem.Authorities(found.Text, found.Field) : null,
            AuthoritiesFile = authorities?.File,
            SkipTlsVerify = skip,
            TlsServerName = cluster.Text("tls-server-name"),
            ClientCertificate = identity?.Leaf,
            ClientCertificateChain = identity?.Chain,
            ClientCertificateFile = certificateFile,
            ClientKeyFile = keyFile,
            // As kubectl does: the file wins over the value that was current when it was written.
            Token = tokenFile is null ? token : null,
            TokenFile = tokenFile is null ? null : user.File.Beside(tokenFile),
            Basic = basic,
            Exec = exec,
            Impersonate = Impersonation(user),
            Proxy = ProxyAddress.Parse(cluster.Text("proxy-url"), problem => cluster.Error("proxy-url", problem)),
            DisableCompression = cluster.Flag("disable-compression"),
            Namespace = context.Text("namespace"),
            Environment = environment,
        };
    }

    private static Uri Server(KubeConfigEntry cluster)
    {
        var text = cluster.Text("server") ?? throw cluster.Error("server", "is missing; set the URL of the API server");
        if (!Uri.TryCreate(text, UriKind.Absolute, out var server) || server.Scheme is not ("http" or "https"))
            throw cluster.Error("server", "is not an http or https URL");
        if (!string.IsNullOrEmpty(server.UserInfo))
            throw cluster.Error("server", "carries a user name; set username and password under users");
        return server;
    }

    private static BasicCredential? Basic(KubeConfigEntry user)
    {
        var (name, password) = (user.Text("username"), user.Text("password"));
        if (name is null && password is null)
            return null;
        if (name is null)
            throw user.Error("username", "is missing beside password; set both");
        if (name.Contains(':', StringComparison.Ordinal))
            throw user.Error("username", "holds a colon, which HTTP basic authentication can't carry");
        return new BasicCredential(name, password ?? "");
    }

    private static Impersonation? Impersonation(KubeConfigEntry user)
    {
        var name = user.Text("as");
        var uid = user.Text("as-uid");
        var groups = user.File.Texts(user.Body, "as-groups", $"{user.Field}.as-groups");
        var extra = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        switch (user.Node("as-user-extra"))
        {
            case null or YamlScalarNode { Value: null or "" or "null" or "~" }:
                break;
            case YamlMappingNode members:
                foreach (var key in members.Children.Keys.OfType<YamlScalarNode>())
                    extra[key.Value ?? ""] = user.File.Texts(members, key.Value ?? "", $"{user.Field}.as-user-extra.{key.Value}");
                break;
            default:
                throw user.Error("as-user-extra", "must map names to lists of strings");
        }
        if (name is not null)
            return new Impersonation { User = name, Uid = uid, Groups = groups, Extra = extra };
        return uid is null && groups.Count == 0 && extra.Count == 0 ? null : throw user.Error("as", "is missing beside as-uid, as-groups or as-user-extra; name the user too");
    }

    private static ((X509Certificate2 Leaf, X509Certificate2Collection Chain)? Identity, string? CertificateFile, string? KeyFile) ClientIdentity(KubeConfigEntry user)
    {
        var certificate = Material(user, "client-certificate");
        var key = Material(user, "client-key");
        if (certificate is null && key is null)
            return default;
        if (certificate is null)
            throw user.Error("client-certificate(-data)", "is missing beside client-key; set both");
        if (key is null)
            throw user.Error("client-key(-data)", "is missing beside client-certificate; set both");
        var identity = Pem.Identity(certificate.Value.Text, key.Value.Text, $"{user.File.Path}: {user.Field}.client-certificate(-data) and client-key(-data)");
        // Only a pair of files can rotate together.
        return certificate.Value.File is { } first && key.Value.File is { } second ? (identity, first, second) : (identity, null, null);
    }

    /// <summary>The text of KEY-data (base64), else of the file that KEY names.</summary>
    private static (string Text, string? File, string Field)? Material(KubeConfigEntry entry, string key)
    {
        if (entry.Text(key + "-data") is { } data)
        {
            try
            {
                return (Encoding.UTF8.GetString(Convert.FromBase64String(data)), null, $"{entry.File.Path}: {entry.Field}.{key}-data");
            }
            catch (FormatException)
            {
                throw entry.Error($"{key}-data", "is not base64");
            }
        }
        if (entry.Text(key) is not { } name)
            return null;
        var field = $"{entry.File.Path}: {entry.Field}.{key}";
        var path = entry.File.Beside(name);
        return (Pem.Read(path, field), path, field);
    }
}
