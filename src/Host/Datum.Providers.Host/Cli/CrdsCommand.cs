using System.CommandLine;
using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;

namespace Datum.Providers.Host.Cli;

/// <summary><c>crds</c></summary>
internal static class CrdsCommand
{
    public static Command Create(CliContext context)
    {
        var group = new Option<string?>("--group") { Description = "Only the kinds of this API group.", HelpName = "GROUP" };
        var kind = new Option<string?>("--kind") { Description = "Only this kind, by kind, plural or short name.", HelpName = "KIND" };
        return new CliCommand("crds", "Prints the custom resource definitions of our kinds: as YAML, or with -o json as one List.",
            new("datum-providers crds | kubectl --kubeconfig kc apply -f -", "Install or update all of them"),
            new("datum-providers crds --group providers.datumapis.com", "Those of one group"),
            new("datum-providers crds --kind ProviderConfig -o json", "One of them, as JSON"))
        {
            group, kind,
        }.Does(context, (result, output) =>
        {
            var chosen = Choose(result.GetValue(group), result.GetValue(kind));
            var list = new JsonObject
            {
                ["apiVersion"] = "v1", ["kind"] = "List",
                ["items"] = new JsonArray([.. chosen.Select(c => c.Json.DeepClone())]),
            };
            output.Result(list, CliJson.Readable.JsonObject, (_, text) =>
            {
                foreach (var (file, _) in chosen)
                {
                    var yaml = Encoding.UTF8.GetString(file.Yaml.Span).TrimEnd('\n');
                    if (!yaml.StartsWith("---", StringComparison.Ordinal))
                        text.Line("---");
                    text.Line(yaml);
                }
            });
            return ExitCodes.Done;
        });
    }

    private static List<(CrdFile File, JsonObject Json)> Choose(string? group, string? kind)
    {
        var all = Crds.All().Select(f => (File: f, Json: YamlJson.Parse(f.Yaml).Single()!.AsObject())).ToList();
        var chosen = all.Where(c => (group is null || Group(c.Json) == group) && (kind is null || Names(c.Json).Contains(kind, StringComparer.OrdinalIgnoreCase))).ToList();
        if (chosen.Count > 0)
            return chosen;
        var inGroup = all.Where(c => group is null || Group(c.Json) == group).ToList();
        throw inGroup.Count == 0
            ? new CliException($"--group '{group}': we have no kinds there. Our groups: {Join(all.Select(c => Group(c.Json)))}.", ExitCodes.Usage)
            : new CliException($"--kind '{kind}': we have no such kind{(group is null ? "" : $" in group {group}")}. Our kinds{(group is null ? "" : " there")}: {Join(inGroup.Select(c => Names(c.Json)[0]))}.", ExitCodes.Usage);
    }

    private static string Group(JsonObject crd) => (string)crd["spec"]!["group"]!;

    private static List<string> Names(JsonObject crd)
    {
        var names = crd["spec"]!["names"]!;
        return [(string)names["kind"]!, (string)names["plural"]!, .. names["shortNames"]?.AsArray().Select(n => (string)n!) ?? []];
    }

    private static string Join(IEnumerable<string> words) => string.Join(", ", words.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
}
