using System.Text;
using System.Text.Json.Nodes;
using YamlDotNet.RepresentationModel;

namespace Datum.Providers.Kubernetes;

/// <summary>Reads <c>exec</c> of a user.</summary>
internal static class ExecPluginReader
{
    private const string Group = "client.authentication.k8s.io";

    public static ExecPlugin? Read(KubeConfigEntry user, KubeConfigEntry cluster, Uri server, string? authorities)
    {
        switch (user.Node("exec"))
        {
            case null or YamlScalarNode { Value: null or "" or "null" or "~" }:
                return null;
            case YamlMappingNode body:
                return FromMapping(user with { Body = body, Field = user.Field + ".exec" }, cluster, server, authorities);
            default:
                throw user.Error("exec", "must be a mapping with apiVersion and command");
        }
    }

    private static ExecPlugin FromMapping(KubeConfigEntry exec, KubeConfigEntry cluster, Uri server, string? authorities)
    {
        var command = exec.Text("command") ?? throw exec.Error("command", "is missing; name the plugin's program");
        var version = exec.Text("apiVersion") ?? throw exec.Error("apiVersion", $"is missing; set {Group}/v1, or {Group}/v1beta1 if the plugin is older");
        if (version is not ($"{Group}/v1" or $"{Group}/v1beta1"))
            throw exec.Error("apiVersion", $"is '{version}', which isn't supported; set {Group}/v1 or {Group}/v1beta1 and use a plugin that speaks it");
        switch (exec.Text("interactiveMode"))
        {
            case "Never" or "IfAvailable":
                break;
            case null when version.EndsWith("/v1beta1", StringComparison.Ordinal):
                break;
            case null:
                throw exec.Error("interactiveMode", $"is missing, which {Group}/v1 doesn't allow; set Never or IfAvailable");
            case "Always":
                throw exec.Error("interactiveMode", "is Always, but nobody sits at this program's terminal; use a plugin or arguments that work with Never or IfAvailable");
            case var other:
                throw exec.Error("interactiveMode", $"is '{other}'; set Never or IfAvailable");
        }
        return new ExecPlugin
        {
            Origin = $"{exec.File.Path}: {exec.Field}",
            ApiVersion = version,
            // A path counts from the kubeconfig's folder, a bare name is looked for on PATH.
            Command = command.Contains('/', StringComparison.Ordinal) ? exec.File.Beside(command) : command,
            Arguments = exec.File.Texts(exec.Body, "args", $"{exec.Field}.args"),
            Variables = Variables(exec),
            InstallHint = exec.Text("installHint"),
            ClusterInfo = exec.Flag("provideClusterInfo") ? ClusterInfo(cluster, server, authorities) : null,
        };
    }

    private static List<KeyValuePair<string, string>> Variables(KubeConfigEntry exec)
    {
        var variables = new List<KeyValuePair<string, string>>();
        switch (exec.Node("env"))
        {
            case null or YamlScalarNode { Value: null or "" or "null" or "~" }:
                break;
            case YamlSequenceNode entries when entries.Children.All(e => e is YamlMappingNode):
                foreach (var entry in entries.Children.Cast<YamlMappingNode>())
                {
                    var name = exec.File.Text(entry, "name", $"{exec.Field}.env") ?? throw exec.Error("env", "holds an entry without a name; name the variable");
                    variables.Add(new(name, exec.File.Text(entry, "value", $"{exec.Field}.env[{name}].value") ?? ""));
                }
                break;
            default:
                throw exec.Error("env", "must be a list of entries with name and value");
        }
        return variables;
    }

    /// <summary>spec.cluster of the ExecCredential that the plugin is given; authorities always go as bytes.</summary>
    private static JsonObject ClusterInfo(KubeConfigEntry cluster, Uri server, string? authorities)
    {
        var info = new JsonObject { ["server"] = server.OriginalString };
        if (cluster.Text("tls-server-name") is { } name)
            info["tls-server-name"] = name;
        if (cluster.Flag("insecure-skip-tls-verify"))
            info["insecure-skip-tls-verify"] = true;
        if (authorities is not null)
            info["certificate-authority-data"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(authorities));
        if (cluster.Text("proxy-url") is { } proxy)
            info["proxy-url"] = proxy;
        if (cluster.Flag("disable-compression"))
            info["disable-compression"] = true;
        if (Extension(cluster) is { } config)
            info["config"] = config;
        return info;
    }

    private static JsonNode? Extension(KubeConfigEntry cluster)
    {
        if (cluster.Node("extensions") is not YamlSequenceNode entries)
            return null;
        var found = entries.Children.OfType<YamlMappingNode>().FirstOrDefault(e => cluster.File.Text(e, "name", $"{cluster.Field}.extensions") == Group + "/exec");
        if (found is null || KubeConfigFile.Get(found, "extension") is not { } extension)
            return null;
        try
        {
            return YamlJson.Parse(extension);
        }
        catch (FormatException error)
        {
            throw cluster.Error($"extensions[{Group}/exec]", error.Message.TrimEnd('.'));
        }
    }
}
