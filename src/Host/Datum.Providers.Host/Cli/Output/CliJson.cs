using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Datum.Providers.Host.Loader;

namespace Datum.Providers.Host.Cli;

/// <summary>The results of our commands as JSON. Field names are camelCase, stay, and stand in docs/reference/cli.md.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    WriteIndented = true)]
[JsonSerializable(typeof(JsonObject))]
[JsonSerializable(typeof(VersionResult))]
[JsonSerializable(typeof(DriverListResult))]
[JsonSerializable(typeof(DriverVerifyResult))]
[JsonSerializable(typeof(DriverDescription))]
[JsonSerializable(typeof(DriverPackResult))]
[JsonSerializable(typeof(DriverForgiveResult))]
[JsonSerializable(typeof(ReadyResult))]
[JsonSerializable(typeof(ValidateResult))]
[JsonSerializable(typeof(Plan.PlanResult))]
[JsonSerializable(typeof(Ledger.EntryDecisionResult))]
[JsonSerializable(typeof(Installation.InstallationResult))]
[JsonSerializable(typeof(Accounts.OrphansResult))]
[JsonSerializable(typeof(Accounts.ConfirmResult))]
internal sealed partial class CliJson : JsonSerializerContext
{
    /// <summary>As <see cref="Default"/>, but with text as it is: results go to a terminal or a file, never into HTML.</summary>
    public static CliJson Readable => field ??= new CliJson(new JsonSerializerOptions(Default.GeneratedSerializerOptions!) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
