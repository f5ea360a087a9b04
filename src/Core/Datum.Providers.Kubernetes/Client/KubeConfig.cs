using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Datum.Providers.Kubernetes;

/// <summary>A kubeconfig that can't be used: names the file, the field and what to do.</summary>
public sealed class KubeConfigException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Reads kubeconfig files. What isn't supported is refused, never skipped.</summary>
public static class KubeConfig
{
    private const int MaxBytes = 1 << 20;

    /// <summary>The connection of a context. <paramref name="context"/> defaults to the file's current-context.</summary>
    /// <exception cref="KubeConfigException">The file is unreadable, incomplete or asks for something unsupported.</exception>
    public static KubernetesConnection Load(string path, string? context = null)
    {
        byte[] bytes;
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > MaxBytes } info)
                throw new KubeConfigException($"{path}: {info.Length} bytes are too many for a kubeconfig; the limit is {MaxBytes}.");
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new KubeConfigException($"{path}: the kubeconfig can't be read ({error.Message}). Pass the path of a readable file.", error);
        }
        return Parse(bytes, path, context);
    }

    internal static KubernetesConnection Parse(byte[] yaml, string path, string? context)
    {
        var file = new Source(path, ReadRoot(yaml, path));
        context ??= file.Text(file.Root, "current-context", "current-context")
            ?? throw file.Error("current-context", "is not set; set it with `kubectl config use-context NAME`");
        var contextBody = file.Named("contexts", "context", context);
        var clusterName = file.Text(contextBody, "cluster", $"contexts[{context}].cluster") ?? throw file.Error($"contexts[{context}].cluster", "is missing; name a cluster of this file");
        var cluster = file.Named("clusters", "cluster", clusterName);
        var at = $"clusters[{clusterName}]";
        file.Refuse(cluster, "proxy-url", at, "proxies are not supported; remove it and set HTTPS_PROXY for the process");
        var userName = file.Text(contextBody, "user", $"contexts[{context}].user");
        var user = string.IsNullOrEmpty(userName) ? new YamlMappingNode() : file.Named("users", "user", userName);
        var who = $"users[{userName}]";
        file.Refuse(user, "exec", who, "credential plugins are not supported; use a client certificate, token or tokenFile, for example of a service account");
        file.Refuse(user, "auth-provider", who, "it was removed from Kubernetes too; use a client certificate, token or tokenFile");
        file.Refuse(user, "username", who, "basic authentication is not supported; use a client certificate, token or tokenFile");
        file.Refuse(user, "password", who, "basic authentication is not supported; use a client certificate, token or tokenFile");
        foreach (var impersonation in new[] { "as", "as-uid", "as-groups", "as-user-extra" })
            file.Refuse(user, impersonation, who, "impersonation is not supported; use credentials of the wanted user");

        var serverText = file.Text(cluster, "server", $"{at}.server") ?? throw file.Error($"{at}.server", "is missing; set the URL of the API server");
        if (!Uri.TryCreate(serverText, UriKind.Absolute, out var server) || server.Scheme is not ("http" or "https"))
            throw file.Error($"{at}.server", "is not an http or https URL");
        if (!string.IsNullOrEmpty(server.UserInfo))
            throw file.Error($"{at}.server", "carries a user name; use a client certificate, token or tokenFile under users");

        var tokenFile = file.Text(user, "tokenFile", $"{who}.tokenFile");
        var token = file.Text(user, "token", $"{who}.token");
        var loopback = server.IsLoopback;
        if (server.Scheme == "http" && !loopback && (token is not null || tokenFile is not null))
            throw file.Error($"{at}.server", "would send a token without TLS to another machine; use https");
        return new KubernetesConnection
        {
            Server = server,
            Authorities = Authorities(file, cluster, at),
            SkipTlsVerify = file.Flag(cluster, "insecure-skip-tls-verify", $"{at}.insecure-skip-tls-verify"),
            TlsServerName = file.Text(cluster, "tls-server-name", $"{at}.tls-server-name"),
            ClientCertificate = ClientCertificate(file, user, who),
            // As kubectl does: the file wins over the value that was current when it was written.
            Token = tokenFile is null ? token : null,
            TokenFile = tokenFile is null ? null : file.Beside(tokenFile),
            Namespace = file.Text(contextBody, "namespace", $"contexts[{context}].namespace"),
        };
    }

    private static YamlMappingNode ReadRoot(byte[] yaml, string path)
    {
        try
        {
            var stream = new YamlStream();
            stream.Load(new StreamReader(new MemoryStream(yaml), Encoding.UTF8));
            return stream.Documents.Count == 1 && stream.Documents[0].RootNode is YamlMappingNode root
                ? root : throw new KubeConfigException($"{path}: is not a kubeconfig (one YAML mapping); pass another file.");
        }
        catch (YamlException error)
        {
            // The parser's own message may quote a secret.
            throw new KubeConfigException($"{path}: is not valid YAML at line {error.Start.Line}, column {error.Start.Column}.");
        }
    }

    private static X509Certificate2Collection? Authorities(Source file, YamlMappingNode cluster, string at)
    {
        if (file.PemOf(cluster, "certificate-authority", at) is not { } pem)
            return null;
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPem(pem);
        }
        catch (CryptographicException error)
        {
            throw new KubeConfigException($"{file.Path}: {at}.certificate-authority(-data): is not a PEM certificate ({error.Message}).", error);
        }
        return authorities.Count > 0 ? authorities : throw file.Error($"{at}.certificate-authority(-data)", "holds no PEM certificate");
    }

    private static X509Certificate2? ClientCertificate(Source file, YamlMappingNode user, string who)
    {
        var certificate = file.PemOf(user, "client-certificate", who);
        var key = file.PemOf(user, "client-key", who);
        if (certificate is null && key is null)
            return null;
        if (certificate is null)
            throw file.Error($"{who}.client-certificate(-data)", "is missing beside client-key; set both");
        if (key is null)
            throw file.Error($"{who}.client-key(-data)", "is missing beside client-certificate; set both");
        try
        {
            return X509Certificate2.CreateFromPem(certificate, key);
        }
        catch (Exception error) when (error is CryptographicException or ArgumentException)
        {
            throw file.Error($"{who}.client-certificate(-data) and client-key(-data)", "are not a PEM certificate and its unencrypted key");
        }
    }

    private sealed class Source(string path, YamlMappingNode root)
    {
        public string Path => path;

        public YamlMappingNode Root => root;

        public KubeConfigException Error(string field, string problem) => new($"{path}: {field}: {problem}.");

        /// <summary>The body of an entry of a list of {name, body}.</summary>
        public YamlMappingNode Named(string list, string body, string name)
        {
            if (Get(root, list) is YamlSequenceNode entries)
            {
                foreach (var entry in entries.Children.OfType<YamlMappingNode>())
                {
                    if (Text(entry, "name", list) == name)
                        return Get(entry, body) as YamlMappingNode ?? throw Error($"{list}[{name}].{body}", "is missing");
                }
            }
            throw Error($"{list}[{name}]", $"doesn't exist in this file; add it or name another in the context");
        }

        public string? Text(YamlMappingNode node, string key, string field) => Get(node, key) switch
        {
            null => null,
            YamlScalarNode { Value: { Length: > 0 } value } scalar when scalar.Style != ScalarStyle.Plain || value is not ("null" or "~") => value,
            YamlScalarNode => null,
            _ => throw Error(field, "must be a string"),
        };

        public bool Flag(YamlMappingNode node, string key, string field) => Text(node, key, field) switch
        {
            null or "false" => false,
            "true" => true,
            _ => throw Error(field, "must be true or false"),
        };

        public void Refuse(YamlMappingNode node, string key, string at, string remedy)
        {
            if (Get(node, key) is { } value and not YamlScalarNode { Value: null or "" })
                throw Error($"{at}.{key}", remedy);
        }

        /// <summary>The text of KEY-data (base64), else of the file that KEY names.</summary>
        public string? PemOf(YamlMappingNode node, string key, string at)
        {
            if (Text(node, key + "-data", $"{at}.{key}-data") is { } data)
            {
                try
                {
                    return Encoding.UTF8.GetString(Convert.FromBase64String(data));
                }
                catch (FormatException)
                {
                    throw Error($"{at}.{key}-data", "is not base64");
                }
            }
            if (Text(node, key, $"{at}.{key}") is not { } name)
                return null;
            try
            {
                return File.ReadAllText(Beside(name));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw Error($"{at}.{key}", $"can't be read ({error.Message})");
            }
        }

        /// <summary>Relative paths count from the kubeconfig's folder.</summary>
        public string Beside(string name) => System.IO.Path.GetFullPath(name, System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!);

        private static YamlNode? Get(YamlMappingNode node, string key) => node.Children.TryGetValue(new YamlScalarNode(key), out var value) ? value : null;
    }
}
