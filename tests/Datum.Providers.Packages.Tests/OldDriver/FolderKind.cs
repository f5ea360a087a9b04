using System;
using System.Collections.Immutable;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Datum.Providers;

namespace OldDriver;

/// <summary>One kind: the file's name is the mark, its content the incarnation.</summary>
internal sealed class FolderKind<TSpec, TFacts>(string path, ResourceKind kind, Func<TSpec?, TFacts> facts) : IResourceDriver<TSpec, TFacts>
    where TSpec : ResourceSpec
    where TFacts : ResourceFacts
{
    public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, TSpec desired) => new([]);

    public ValueTask<Answer<Observation<TFacts>>> ObserveAsync(Call call, Identity id, TSpec? desired, Handle? handle) => new(Look(id, desired));

    public ValueTask<Outcome<TFacts>> CreateAsync(Operation operation, Identity id, TSpec desired)
    {
        try
        {
            // The folder refuses a second file of the same name.
            using var file = new StreamWriter(new FileStream(FileOf(id), FileMode.CreateNew));
            file.Write(id.Incarnation.ToString(CultureInfo.InvariantCulture));
        }
        catch (IOException) when (File.Exists(FileOf(id)))
        {
            // Ours: the name holds the whole identity.
        }

        return new(new Done<TFacts> { Parts = [PartOf(id)] });
    }

    public ValueTask<Outcome<TFacts>> UpdateAsync(Operation operation, Identity id, TSpec desired) => new(new Done<TFacts>());

    public ValueTask<Outcome<TFacts>> DeleteAsync(Operation operation, Identity id)
    {
        File.Delete(FileOf(id));
        return new(new Done<TFacts> { Observation = new Absent<TFacts>() });
    }

    public ValueTask<Answer<ListPage<TFacts>>> ListAsync(Call call, ListQuery query, string? cursor) => new(new ListPage<TFacts>
    {
        Items =
        [
            .. from file in Directory.EnumerateFiles(path, $"{query.Installation}.{kind}.*")
               select new Listed<TFacts>
               {
                   Name = Path.GetFileName(file).Split('.')[2],
                   Incarnation = long.Parse(File.ReadAllText(file), CultureInfo.InvariantCulture),
                   Parts = [new Part { Name = "file", Id = Path.GetFileName(file) }],
                   State = Lifecycle.Ready,
               },
        ],
        Complete = true,
    });

    private Observation<TFacts> Look(Identity id, TSpec? desired) => File.Exists(FileOf(id))
        ? new Present<TFacts>
        {
            Facts = facts(desired),
            Parts = [PartOf(id)],
            State = Lifecycle.Ready,
            Mark = MarkState.Ours,
            Incarnation = long.Parse(File.ReadAllText(FileOf(id)), CultureInfo.InvariantCulture),
            Next = desired is null ? new Step { Part = "file", Verb = StepVerb.Delete, Class = CreateClass.Repeatable } : null,
        }
        : new Absent<TFacts> { Next = desired is null ? null : new Step { Part = "file", Verb = StepVerb.Create, Class = CreateClass.Named } };

    private string FileOf(Identity id) => Path.Combine(path, $"{id.Installation}.{kind}.{id.Name}");

    private Part PartOf(Identity id) => new() { Name = "file", Id = Path.GetFileName(FileOf(id)) };
}
