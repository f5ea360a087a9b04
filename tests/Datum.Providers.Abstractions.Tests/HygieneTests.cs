using System.Collections;
using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Datum.Providers.Abstractions.Tests;

/// <summary>What lets a driver that was built years ago still load: rules DC-90 to DC-96 of docs/driver-contract.md.</summary>
public sealed partial class HygieneTests
{
    private static readonly Assembly _contract = typeof(Contract).Assembly;

    private static readonly Type[] _types = _contract.GetExportedTypes();

    private static readonly IEnumerable<Type> _records = _types.Where(Surface.IsRecord);

    private static readonly IEnumerable<Type> _enums = _types.Where(t => t.IsEnum);

    [Test]
    public void There_are_records_and_enums_to_look_at() =>
        Assert.Multiple(() =>
        {
            Assert.That(_records.Count(), Is.GreaterThan(50));
            Assert.That(_enums.Count(), Is.GreaterThan(15));
        });

    [TestCaseSource(nameof(_records))]
    public void A_record_is_sealed_or_a_union_that_nobody_else_can_extend(Type record)
    {
        if (record.IsSealed)
            return;
        Assert.That(record.IsAbstract, $"{record.Name} is neither sealed nor abstract.");
        var others = record.GetConstructors(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .Where(c => c.GetParameters() is not [var only] || only.ParameterType != record)
            .Where(c => !c.IsFamilyAndAssembly && !c.IsPrivate);
        Assert.That(others, Is.Empty, $"{record.Name} can be extended from outside.");
    }

    [TestCaseSource(nameof(_records))]
    public void A_record_is_never_positional(Type record) =>
        Assert.Multiple(() =>
        {
            Assert.That(record.GetMethods().Where(m => m.Name == "Deconstruct"), Is.Empty);
            Assert.That(record.GetConstructors().Where(c => c.GetParameters().Length > 0), Is.Empty, "A new member would change the constructor that compiled drivers call.");
        });

    [TestCaseSource(nameof(_enums))]
    public void An_enum_has_Unknown_or_None_as_zero_and_each_value_once(Type type)
    {
        Assert.That(Enum.GetName(type, 0), Is.AnyOf("Unknown", "None"));
        var values = Enum.GetValuesAsUnderlyingType(type).Cast<object>().ToList();
        Assert.That(values, Is.Unique);
    }

    [Test]
    public void Every_enum_member_has_its_number_written_in_the_source()
    {
        var without = new List<string>();
        var found = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in Repository.SourceFiles("src", "Core", "Datum.Providers.Abstractions"))
            foreach (Match match in EnumPattern().Matches(CommentPattern().Replace(File.ReadAllText(file), "")))
            {
                found.Add(match.Groups["name"].Value);
                foreach (var member in match.Groups["body"].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
                    if (!member.Contains('=', StringComparison.Ordinal))
                        without.Add($"{match.Groups["name"].Value}.{member}");
            }
        Assert.Multiple(() =>
        {
            Assert.That(without, Is.Empty);
            Assert.That(_enums.Select(e => e.Name).Where(n => !found.Contains(n)), Is.Empty, "enums that the pattern missed");
        });
    }

    [Test]
    public void A_property_that_can_be_set_can_be_set_only_at_creation() =>
        Assert.That(_types.SelectMany(Surface.Properties).Where(p => p.SetMethod is not null && !Surface.IsInit(p)).Select(Name), Is.Empty);

    [Test]
    public void There_are_no_public_fields() =>
        Assert.That(_types.Where(t => !t.IsEnum).SelectMany(t => t.GetFields()).Select(f => $"{f.DeclaringType!.Name}.{f.Name}"), Is.Empty);

    [Test]
    public void Collections_are_immutable_arrays_or_dictionaries() =>
        Assert.That(_types.SelectMany(Surface.Properties).Where(p => IsCollection(p.PropertyType) && !IsImmutable(p.PropertyType)).Select(Name), Is.Empty);

    [Test]
    public void A_collection_that_nobody_set_reads_as_empty()
    {
        var looked = 0;
        Assert.Multiple(() =>
        {
            foreach (var type in _records.Where(t => !t.IsAbstract))
            {
                var closed = type.IsGenericTypeDefinition ? type.MakeGenericType(typeof(InstanceFacts)) : type;
                var bare = RuntimeHelpers.GetUninitializedObject(closed);
                foreach (var property in closed.GetProperties().Where(p => IsImmutable(p.PropertyType) && Nullable.GetUnderlyingType(p.PropertyType) is null && !Surface.IsRequired(p)))
                {
                    looked++;
                    Assert.That((IEnumerable?)property.GetValue(bare), Is.Not.Null.And.Empty, Name(property));
                }
            }
            Assert.That(looked, Is.GreaterThan(30));
        });
    }

    [Test]
    public void Every_public_member_is_documented()
    {
        var documented = XDocument.Load(Path.ChangeExtension(_contract.Location, ".xml")).Descendants("member")
            .Where(m => m.Value.Trim().Length > 0).Select(m => m.Attribute("name")!.Value).ToHashSet(StringComparer.Ordinal);
        // A method's id goes on with its parameters; the name is enough here, since the compiler insists on the rest.
        var methods = documented.Where(d => d.StartsWith("M:", StringComparison.Ordinal)).Select(d => d.Split('(', '~')[0]).ToHashSet(StringComparer.Ordinal);
        var missing = new List<string>();
        foreach (var type in _types)
        {
            Expect(documented, $"T:{type.FullName}");
            foreach (var property in Surface.Properties(type))
                Expect(documented, $"P:{type.FullName}.{property.Name}");
            foreach (var method in Surface.Methods(type))
                Expect(methods, $"M:{type.FullName}.{method.Name}{(method.IsGenericMethodDefinition ? $"``{method.GetGenericArguments().Length}" : "")}");
            if (type.IsEnum)
                foreach (var name in Enum.GetNames(type))
                    Expect(documented, $"F:{type.FullName}.{name}");
        }
        Assert.That(missing, Is.Empty);

        void Expect(HashSet<string> known, string id)
        {
            if (!known.Contains(id))
                missing.Add(id);
        }
    }

    [Test]
    public void Only_the_base_library_and_the_logging_abstractions_are_referenced()
    {
        var shared = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        var foreign = _contract.GetReferencedAssemblies().Select(a => a.Name!)
            .Where(name => name != "Microsoft.Extensions.Logging.Abstractions" && !File.Exists(Path.Combine(shared, name + ".dll")));
        Assert.That(foreign, Is.Empty);
    }

    [Test]
    public void No_signature_carries_a_client_a_service_provider_or_an_untyped_object()
    {
        Type[] forbidden = [typeof(HttpClient), typeof(IServiceProvider), typeof(object)];
        var used = _types.Where(t => !t.IsEnum).SelectMany(t => Surface.Properties(t).Select(p => (Where: Name(p), Type: p.PropertyType))
            .Concat(Surface.Methods(t).SelectMany(m => m.GetParameters().Append(m.ReturnParameter).Select(p => (Where: $"{t.Name}.{m.Name}", Type: p.ParameterType)))));
        Assert.That(used.Where(u => Flatten(u.Type).Any(forbidden.Contains)).Select(u => u.Where), Is.Empty);

        static IEnumerable<Type> Flatten(Type type) => type.GetGenericArguments().SelectMany(Flatten).Prepend(type);
    }

    [Test]
    public void A_verb_takes_its_call_first_and_never_a_bare_token_beside_it()
    {
        var verbs = typeof(IResourceDriver<,>).GetMethods();
        Assert.Multiple(() =>
        {
            Assert.That(verbs, Has.Length.EqualTo(6));
            foreach (var verb in verbs)
            {
                Assert.That(verb.GetParameters()[0].ParameterType, Is.AnyOf(typeof(Call), typeof(Operation)), verb.Name);
                Assert.That(verb.GetParameters().Select(p => p.ParameterType), Has.None.EqualTo(typeof(CancellationToken)), verb.Name);
            }
        });
    }

    [Test]
    public void A_kind_that_a_driver_doesnt_have_needs_no_code() =>
        Assert.That(typeof(IInfrastructureDriver).GetProperties().Where(p => p.GetMethod!.IsAbstract).Select(p => p.Name), Is.Empty);

    private static string Name(PropertyInfo property) => $"{property.DeclaringType!.Name}.{property.Name}";

    private static bool IsCollection(Type type) =>
        (Nullable.GetUnderlyingType(type) ?? type) is var t && t != typeof(string) && typeof(IEnumerable).IsAssignableFrom(t);

    private static bool IsImmutable(Type type) =>
        (Nullable.GetUnderlyingType(type) ?? type) is { IsGenericType: true } t
        && (t.GetGenericTypeDefinition() == typeof(ImmutableArray<>) || t.GetGenericTypeDefinition() == typeof(ImmutableDictionary<,>));

    [GeneratedRegex(@"public enum (?<name>\w+)[^{]*\{(?<body>[^}]*)\}")]
    private static partial Regex EnumPattern();

    [GeneratedRegex("//.*")]
    private static partial Regex CommentPattern();
}
